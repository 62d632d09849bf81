import type { Context } from "dgate";

export const requestHandler = (ctx: Context) => {
    ctx.response().json({ name: "lamp", price: 3 });
};
