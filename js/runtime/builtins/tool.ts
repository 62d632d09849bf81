// import … from "dgate/tool": for the modules of dgate-runtime only, which the compiler does not let others import.

import { askState } from "../ask";
import { modulePlaces } from "../errors";
import { fetchHook } from "../fetch_hook";
import { format } from "../format";
import { host, StateOp } from "../host";
import { toolHook } from "../tool_hook";

export const tool: Record<string, unknown> = {
    // Asks the program that runs the modules.
    ask: (question: object): Promise<unknown> => askState("dgate/tool", StateOp.Tool, "", question),
    format,
    places: modulePlaces,
    clock: { stop: host.clockStop, resume: host.clockResume, wall: host.clockWall, now: host.now },

    // Is told of errors that nobody waits for, in this namespace: rejections, and exceptions in callbacks.
    onLost: (told: (error: unknown) => void): void => {
        toolHook.lost = told;
    },

    // Steps in for the network, in all modules of this namespace.
    fakeFetch: (fake: typeof fetchHook.fake): void => {
        fetchHook.fake = fake;
    },
};
