// Chooses the upstream by the client's address, so that one client always meets the same one.
import { sha256 } from "dgate/crypto";

export const fetchUpstream = (ctx: any): string => {
    const urls: string[] = ctx.service().urls;
    const digest = sha256(ctx.request().remoteAddress, "hex") as string;
    return urls[parseInt(digest.slice(0, 8), 16) % urls.length];
};
