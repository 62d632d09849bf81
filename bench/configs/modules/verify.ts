// What jwt.ts does, by the function that is there for it.
import type { Context } from "dgate";
import { verifyJwt } from "dgate/crypto";

export const requestModifier = (ctx: Context) => {
    const token = ctx.request().headers.get("Authorization").slice("Bearer ".length);
    try {
        verifyJwt(token, "a secret of the benchmark", { algorithms: ["HS256"] });
    } catch (error) {
        ctx.response().status(401).json({ error: error.message });
    }
};
