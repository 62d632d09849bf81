// Runs before merge.ts in the chain: where the upstreams are, unless the request says so itself.
export const requestModifier = (ctx: any) => {
    const headers = ctx.request().headers;
    if (!headers.get("x-backend")) headers.set("x-backend", "http://127.0.0.1:9001");
};
