// Questions to the state, with their arguments and answers as JSON. what is named in the error where there is no request.

import { jsonText } from "./body";
import { hostPromise, requireCurrent } from "./current";
import { GatewayError } from "./errors";
import { host, Text, type StateOp } from "./host";

// Where the arguments are no JSON to the host: a place in a text that the module has not written.
const PLACE = /^line 1 column \d+: /;

export function askState(
    what: string,
    op: StateOp,
    module: string,
    args: object,
    subject?: (namespace: string) => string, // names what it is about, as errors are to
): Promise<unknown> {
    const text = jsonText(args);
    const asking = requireCurrent(what);
    const answered = hostPromise(
        what,
        (handle, ticket) => host.state(handle, ticket, op, module, text),
        (answer) => JSON.parse(answer as string) as unknown,
    );
    if (subject === undefined) return answered;
    return answered.catch((error: unknown) => {
        const about = subject(host.text(asking, Text.NamespaceName));
        if (!(error instanceof GatewayError) || error.message.startsWith(about)) throw error;
        throw new GatewayError(`${about}: ${error.message.replace(PLACE, "")}`);
    });
}

// Of what this node has, at once.
export function readState(op: StateOp, module: string, args: object): unknown {
    return JSON.parse(host.stateNow(op, module, jsonText(args))) as unknown;
}
