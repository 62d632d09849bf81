// The modules that import finds without a route's help. Each is made for the module that imports it.

import { makeConsole, type Console } from "../console";
import { format } from "../format";
import { crypto } from "./crypto";
import { dgateFunctions } from "./dgate";
import { http } from "./http";
import { makeState } from "./state";

declare function require(name: string): unknown;

export type MakeBuiltin = (module: string, console: Console) => object;

// An ES module whose default export is itself.
function esModule(members: Record<string, unknown>): object {
    const out = { ...members };
    Object.defineProperty(out, "__esModule", { value: true });
    Object.defineProperty(out, "default", { value: out });
    return Object.freeze(out);
}

const httpModule = esModule(http);
const cryptoModule = esModule(crypto);
let urlModule: object | undefined;
const utilModule = esModule({ format });
let bufferModule: object | undefined;

export const builtins: Record<string, MakeBuiltin | undefined> = {
    __proto__: null as never,
    dgate: (module) =>
        esModule({
            ...dgateFunctions,
            http: httpModule,
            state: esModule(makeState(module)),
            crypto: cryptoModule,
        }),
    "dgate/http": () => httpModule,
    "dgate/state": (module) => esModule(makeState(module)),
    "dgate/crypto": () => cryptoModule,
    buffer: () =>
        (bufferModule ??= esModule((require("../web/buffer") as typeof import("../web/buffer")).bufferModule)),
    console: (module) => esModule({ ...makeConsole(module) }),
    url: () => (urlModule ??= esModule({ ...(require("../web/url") as typeof import("../web/url")) })),
    util: () => utilModule,
};
