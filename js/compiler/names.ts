// Names that the runtime knows.

export const FUNCTIONS = [
    "fetchUpstream",
    "requestModifier",
    "responseModifier",
    "errorHandler",
    "requestHandler",
];

const BUILTINS = ["dgate", "dgate/http", "dgate/state", "dgate/crypto"];
const NODE_BUILTINS = ["buffer", "console", "url", "util"];
const LATER = ["dgate/storage", "dgate/util", "dgate/exp"];

// What is wrong with an import's name, if anything. Names of other modules are checked when a route links them.
export function importProblem(name: string): string | undefined {
    const has = BUILTINS.map((n) => `"${n}"`).join(", ");
    if (LATER.includes(name)) return `"${name}" comes with a later version; there are ${has}`;
    if (name.startsWith("dgate/") && !BUILTINS.includes(name))
        return `there is no "${name}"; there are ${has}`;
    if (name.startsWith("node:") && !NODE_BUILTINS.includes(name.slice(5))) {
        const node = NODE_BUILTINS.map((n) => `"node:${n}"`).join(", ");
        return `there is no "${name}"; there are ${node}`;
    }
    return undefined;
}

// A plain script exports its top-level functions of those names, unless it set exports itself.
export function exportTail(names: readonly string[]): string {
    return names
        .map((n) => `if (module.exports.${n} == null && typeof ${n} === "function") module.exports.${n} = ${n};\n`)
        .join("");
}
