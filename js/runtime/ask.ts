// Questions to the state, with their arguments and answers as JSON. what is named in the error where there is no request.

import { jsonText } from "./body";
import { hostPromise } from "./current";
import { host, type StateOp } from "./host";

export function askState(what: string, op: StateOp, module: string, args: object): Promise<unknown> {
    const text = jsonText(args);
    return hostPromise(
        what,
        (handle, ticket) => host.state(handle, ticket, op, module, text),
        (answer) => JSON.parse(answer as string) as unknown,
    );
}

// Of what this node has, at once.
export function readState(op: StateOp, module: string, args: object): unknown {
    return JSON.parse(host.stateNow(op, module, jsonText(args))) as unknown;
}
