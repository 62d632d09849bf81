import type { Context } from "dgate";
import { fetch } from "dgate/http";

export const requestHandler = async (ctx: Context) => {
    const answer = await fetch("UPSTREAM/small");
    ctx.response().send(await answer.text());
};
