// The modules that import finds without a route's help. Each is made for the module that imports it.

import { makeConsole, type Console } from "../console";
import { format } from "../format";
import { crypto } from "./crypto";
import { dgateFunctions } from "./dgate";
import { http } from "./http";
import { makeState } from "./state";
import { makeStorage } from "./storage";
import { domainToASCII, domainToUnicode } from "./url";
import { util } from "./util";
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
const urlModule = esModule({
    URL: web.URL,
    URLSearchParams: web.URLSearchParams,
    domainToASCII,
    domainToUnicode,
});
const dgateUtilModule = esModule(util);
// For what is tried out before it gets a name of its own: nothing at present.
const experimentalModule = esModule({});
const utilModule = esModule({ format });

export const builtins: Record<string, MakeBuiltin | undefined> = {
    __proto__: null as never,
    dgate: (module) =>
        esModule({
            ...dgateFunctions,
            http: httpModule,
            state: esModule(makeState(module)),
            storage: esModule(makeStorage(module)),
            crypto: cryptoModule,
            util: dgateUtilModule,
            x: experimentalModule,
        }),
    "dgate/http": () => httpModule,
    "dgate/state": (module) => esModule(makeState(module)),
    "dgate/storage": (module) => esModule(makeStorage(module)),
    "dgate/crypto": () => cryptoModule,
    "dgate/util": () => dgateUtilModule,
    "dgate/exp": () => experimentalModule,
    "dgate/x": () => experimentalModule,
    "dgate/tool": () => toolModule,
    console: (module) => esModule({ ...makeConsole(module) }),
    url: () => urlModule,
    util: () => utilModule,
};
