// Verifies a token of HS256 (RFC 7519), its signature and its expiry.
import type { Context } from "dgate";
import { createHmac } from "dgate/crypto";

const SECRET = "a secret of the benchmark";

const decode = (text: string) => JSON.parse(atob(text.replace(/-/g, "+").replace(/_/g, "/")));

export const requestModifier = (ctx: Context) => {
    const [header, claims, signature] = ctx.request().headers.get("Authorization").slice("Bearer ".length).split(".");
    const wanted = createHmac("sha256", SECRET).update(`${header}.${claims}`).digest("base64rawurl");
    if (signature !== wanted || decode(header).alg !== "HS256" || decode(claims).exp < Date.now() / 1000)
        ctx.response().status(401).json({ error: "no valid token" });
};
