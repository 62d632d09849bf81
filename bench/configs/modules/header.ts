import type { Context } from "dgate";

export const requestModifier = (ctx: Context) => {
    ctx.request().headers.set("X-Greeting", "hello");
};

export const responseModifier = (ctx: Context) => {
    ctx.upstream()!.headers.set("X-Powered-By", "a module");
};
