// Where a tool steps in for the network: dgate/tool.

import type { Bytes } from "./host";

export interface FakeAnswer {
    status: number;
    headers: [name: string, value: string][];
    body: ArrayBuffer;
}

// undefined: the network is asked. A rejection is one of fetch().
type Fake = (url: string, method: string, headers: string[], body: Bytes | undefined) => Promise<FakeAnswer> | undefined;

export const fetchHook: { fake?: Fake | undefined } = {};
