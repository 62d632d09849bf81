// The web's atob() and btoa().

import { host } from "./host";
import { domException } from "./web/dom_exception";

function argument(name: string, args: unknown[]): string {
    if (args.length === 0) throw new TypeError(`${name}() takes a string`);
    return `${args[0] as string}`; // a Symbol is a TypeError
}

export function btoa(...args: unknown[]): string {
    const text = host.btoa(argument("btoa", args));
    if (text === undefined)
        throw domException("InvalidCharacterError", "btoa() takes characters up to U+00FF only");
    return text;
}

// The forgiving decoding of the Infra standard.
export function atob(...args: unknown[]): string {
    const text = host.atob(argument("atob", args));
    if (text === undefined) throw domException("InvalidCharacterError", "atob() takes base64");
    return text;
}
