// What methods of the web's classes must be given.

export function requireArguments(given: number, count: number, what: string): void {
    if (given < count) throw new TypeError(`${what}() takes ${count === 1 ? "a name" : "a name and a value"}`);
}
