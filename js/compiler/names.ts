// Names that the runtime knows.

export const FUNCTIONS = [
    "fetchUpstream",
    "fetchUpstreamUrl",
    "requestModifier",
    "responseModifier",
    "errorHandler",
    "requestHandler",
];

const BUILTINS = [
    "dgate",
    "dgate/http",
    "dgate/state",
    "dgate/storage",
    "dgate/crypto",
    "dgate/util",
    "dgate/exp",
    "dgate/x",
];
const NODE_BUILTINS = ["buffer", "console", "url", "util"];

// What is wrong with an import's name, if anything. Names of other modules are checked when a route links them.
// more are built in too, for who runs the compiler elsewhere than in a server.
export function importProblem(name: string, more: readonly string[]): string | undefined {
    if (more.includes(name)) return undefined;
    if (name.includes("\0")) return "the name of a module has no NUL character (U+0000)";
    const has = BUILTINS.map((n) => `"${n}"`).join(", ");
    if (name.startsWith("dgate/") && !BUILTINS.includes(name))
        return `there is no "${name}"; there are ${has}`;
    if (name.startsWith("node:") && !NODE_BUILTINS.includes(name.slice(5))) {
        const node = NODE_BUILTINS.map((n) => `"node:${n}"`).join(", ");
        return `there is no "${name}"; there are ${node}`;
    }
    return undefined;
}

// A module exports its top-level functions of those names, unless it exports others by them.
export function exportTail(names: readonly string[]): string {
    return names
        .map((n) => `if (module.exports.${n} == null && typeof ${n} === "function") module.exports.${n} = ${n};\n`)
        .join("");
}
