// Plain JavaScript, CommonJS: adds a member to every JSON response of the upstream and removes a private one.
exports.responseModifier = async function (ctx) {
    const upstream = ctx.upstream();
    if (!upstream.headers.get("content-type").startsWith("application/json")) return;
    const body = await upstream.readJson();
    delete body.internal;
    body.gateway = { route: ctx.route().name, id: ctx.pathParam("id") };
    upstream.headers.set("X-Modified", "yes");
    upstream.writeJson(body);
};
