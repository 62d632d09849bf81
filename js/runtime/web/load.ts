// Globals that are made when they are first read, so that a context which does not use them does not pay for them.

import { exposed } from "./interface";

type Globals = Record<string, unknown>;
const globals = globalThis as unknown as Globals;

function define(name: string, value: unknown): void {
    Object.defineProperty(globals, name, { value, writable: true, enumerable: false, configurable: true });
}

// Without the globals in names: a polyfill looks at what is there already.
export function without<T>(names: readonly string[], load: () => T): T {
    const found = names.map((name) => [name, Object.getOwnPropertyDescriptor(globals, name)] as const);
    for (const name of names) Reflect.deleteProperty(globals, name);
    try {
        return load();
    } finally {
        for (const [name, descriptor] of found)
            if (descriptor !== undefined) Object.defineProperty(globals, name, descriptor);
    }
}

// What a polyfill that defines globals gives for each of the names. They are not left defined.
export function polyfill<N extends string>(names: readonly N[], load: () => void): Record<N, unknown> {
    return without(names, () => {
        load();
        Reflect.deleteProperty(globals, "__core-js_shared__");
        return Object.fromEntries(names.map((name) => [name, globals[name]])) as Record<N, unknown>;
    });
}

export function defineLazily(names: readonly string[], load: () => Readonly<Record<string, unknown>>): void {
    for (const name of names)
        Object.defineProperty(globals, name, {
            configurable: true,
            enumerable: false,
            get() {
                const made = load();
                // What a module has put in the place of one of them stays.
                for (const n of names)
                    if (Object.getOwnPropertyDescriptor(globals, n)?.get !== undefined) define(n, exposed(n, made[n]));
                return made[name];
            },
            set(value: unknown) {
                define(name, value);
            },
        });
}

// Whether value is of a global class, without making it: what was not made has no instances.
export function isInstance(value: unknown, name: string): boolean {
    if (typeof value !== "object" || value === null) return false;
    const type: unknown = Object.getOwnPropertyDescriptor(globals, name)?.value;
    return typeof type === "function" && value instanceof type;
}
