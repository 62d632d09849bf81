// Asks several upstreams at the same time and answers with one object.
import { fetch } from "dgate/http";
import { backend } from "./backend";

const sources = ["profile", "orders", "messages"] as const;

export const requestHandler = async (ctx: any) => {
    const base = await backend();
    const user = ctx.pathParam("user");
    const answers = await Promise.all(
        sources.map(async (name) => {
            const response = await fetch(`${base}/${name}/${encodeURIComponent(user)}`);
            return [name, response.ok ? await response.json() : null] as const;
        }),
    );
    const merged: Record<string, unknown> = { user };
    for (const [name, value] of answers) merged[name] = value;
    ctx.response().json(merged);
};
