// Globals as WebIDL has them look: with the names that the bundler makes short, members that are enumerable, and a tag.

const prototypes = new WeakSet<object>();

function makeEnumerable(target: object, skipped: readonly string[]): void {
    for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(target)))
        if (d.configurable === true && d.enumerable === false && !skipped.includes(name))
            Object.defineProperty(target, name, { enumerable: true });
}

// What global name is to be.
export function exposed<T>(name: string, value: T): T {
    if (typeof value !== "function") return value;
    Object.defineProperty(value, "name", { value: name, configurable: true });
    if (name === "Buffer" || !/^[A-Z]/.test(name)) return value; // not a class of the web
    const prototype = value.prototype as object;
    makeEnumerable(value, ["length", "name", "prototype"]);
    makeEnumerable(prototype, ["constructor"]);
    Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
    prototypes.add(prototype);
    return value;
}

// Whether value is an object of a class of the web.
export function isPlatformObject(value: object): boolean {
    for (let p = Object.getPrototypeOf(value) as object | null; p !== null; p = Object.getPrototypeOf(p) as object | null)
        if (prototypes.has(p)) return true;
    return false;
}
