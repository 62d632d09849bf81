// The modules that import finds without a route's help. Each is made for the module that imports it.

import { makeConsole, type Console } from "../console";
import { format } from "../format";
import { crypto } from "./crypto";
import { dgateFunctions } from "./dgate";
import { http } from "./http";
import { makeState } from "./state";
import { tool } from "./tool";

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
const toolModule = esModule(tool);
const web = globalThis as unknown as { URL: unknown; URLSearchParams: unknown };
const urlModule = esModule({ URL: web.URL, URLSearchParams: web.URLSearchParams });
const utilModule = esModule({ format });

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
    "dgate/tool": () => toolModule,
    console: (module) => esModule({ ...makeConsole(module) }),
    url: () => urlModule,
    util: () => utilModule,
};
