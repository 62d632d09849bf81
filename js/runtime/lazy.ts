// Properties that cross from the host when they are first read, and may be overwritten.

export function lazy<T extends object>(prototype: T, getters: Record<string, (self: T) => unknown>): void {
    for (const [name, get] of Object.entries(getters))
        Object.defineProperty(prototype, name, {
            configurable: true,
            enumerable: true,
            get(this: T) {
                return get(this);
            },
            set(this: T, value: unknown) {
                Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
            },
        });
}

// The plain form of lazy properties, for JSON.stringify().
export function snapshot(self: object): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    const prototype = Object.getPrototypeOf(self) as object;
    for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
        if (d.get !== undefined && d.enumerable === true) out[name] = (self as Record<string, unknown>)[name];
    return out;
}
