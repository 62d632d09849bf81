// The options that a function of this library takes.

export function requireKnown(what: string, options: object, known: string): void {
    for (const key of Object.keys(options))
        if (key !== known) throw new TypeError(`${what} has no option ${JSON.stringify(key)} (allowed: ${known})`);
}
