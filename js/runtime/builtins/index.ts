// The modules that import finds without a route's help. Each is made for the module that imports it.

import { makeConsole, type Console } from "../console";
import { format } from "../format";
import { crypto } from "./crypto";
import { dgateFunctions } from "./dgate";
import { http } from "./http";
import { makeState } from "./state";
import { makeStorage } from "./storage";
import { util } from "./util";
import { tool } from "./tool";

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
const toolModule = esModule(tool);
const dgateUtilModule = esModule(util);
// For what is tried out before it gets a name of its own: nothing at present.
const experimentalModule = esModule({});
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
    buffer: () =>
        (bufferModule ??= esModule((require("../web/buffer") as typeof import("../web/buffer")).bufferModule)),
    console: (module) => esModule({ ...makeConsole(module) }),
    url: () =>
        (urlModule ??= esModule({
            ...(require("../web/url") as typeof import("../web/url")),
            ...(require("./url") as typeof import("./url")),
        })),
    util: () => utilModule,
};
