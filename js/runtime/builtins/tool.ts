// import … from "dgate/tool": for the modules of dgate-runtime only, which the compiler does not let others import.

import { hostPromise } from "../current";
import { modulePlaces } from "../errors";
import { fetchHook } from "../fetch_hook";
import { format } from "../format";
import { host, StateOp } from "../host";

export const tool: Record<string, unknown> = {
    // Asks the program that runs the modules.
    ask: (question: unknown): Promise<unknown> =>
        hostPromise(
            "dgate/tool",
            (handle, ticket) => host.state(handle, ticket, StateOp.Tool, "", JSON.stringify(question)),
            (answer) => JSON.parse(answer as string) as unknown,
        ),
    format,
    places: modulePlaces,

    // Steps in for the network, in all modules of this namespace.
    fakeFetch: (fake: typeof fetchHook.fake): void => {
        fetchHook.fake = fake;
    },
};
