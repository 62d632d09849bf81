// Which modules of a route DGate calls, and which are only libraries of others (src/change/change_chain.c has the same
// rule).

// Those that no other imports, but for modules that it imports itself: all of a circle begin it, unless a module outside of
// it imports one of them.
export function entriesOf<T>(modules: readonly T[], importsOf: (module: T) => readonly T[]): T[] {
    const imports = new Map(modules.map((m) => [m, importsOf(m)]));
    const reached = new Map(
        modules.map((m) => {
            const all = new Set(imports.get(m));
            for (const found of all) for (const next of imports.get(found) ?? []) all.add(next);
            return [m, all];
        }),
    );
    const reaches = (from: T, to: T) => reached.get(from)?.has(to) === true;
    return modules.filter((m) => !modules.some((user) => reaches(user, m) && !reaches(m, user)));
}
