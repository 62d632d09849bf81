// The global crypto of the Web Cryptography API. Its subtle part is loaded when it is first used.

import { host } from "../host";
import { domException } from "./dom_exception";

declare function require(name: string): unknown;

const RANDOM_MAX = 65536;

const INTEGERS = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
];

function isIntegers(value: unknown): value is Uint8Array {
    if (value instanceof Uint8Array) return true;
    return INTEGERS.some((type) => value instanceof type);
}

const scope = globalThis as unknown as { SubtleCrypto: unknown };

function subtle(): object {
    void scope.SubtleCrypto; // makes the global, which its look comes from
    return (require("./subtle") as typeof import("./subtle")).subtle;
}

const permit = {};

export class Crypto {
    constructor(given?: unknown) {
        if (given !== permit) throw new TypeError("Illegal constructor");
    }

    get subtle(): object {
        return subtle();
    }

    getRandomValues<T>(view: T): T {
        if (!ArrayBuffer.isView(view)) throw new TypeError("getRandomValues() takes a view of an ArrayBuffer");
        if (!isIntegers(view))
            throw domException("TypeMismatchError", "getRandomValues() takes an array of integers");
        if (view.byteLength > RANDOM_MAX)
            throw domException("QuotaExceededError", `getRandomValues() gives at most ${RANDOM_MAX} bytes`);
        host.randomFill(view);
        return view;
    }

    randomUUID(): string {
        return host.randomUUID();
    }
}

export const crypto = new Crypto(permit);
