// console's and util.format()'s formatting.

import { describeStack } from "./errors";

function show(value: unknown, seen: Set<object>): string {
    if (value instanceof Error) return describeStack(value);
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "function") return `[Function ${value.name}]`;
    if (typeof value !== "object" || value === null) return String(value);
    const text = JSON.stringify(value, function (_key, v: unknown) {
        if (typeof v === "bigint") return `${v}n`;
        if (typeof v === "function") return `[Function ${v.name}]`;
        if (v instanceof Map) return { Map: [...v] };
        if (v instanceof Set) return { Set: [...v] };
        if (v instanceof Error) return describeStack(v);
        if (v instanceof ArrayBuffer) return `[ArrayBuffer ${v.byteLength}]`;
        if (typeof v === "object" && v !== null) {
            if (seen.has(v)) return "[Circular]";
            if (v !== value) seen.add(v);
        }
        return v;
    }) as string | undefined;
    return text ?? String(value);
}

function text(value: unknown): string {
    if (typeof value === "string") return value;
    try {
        return show(value, new Set());
    } catch (error) {
        return `[not shown: ${String(error)}]`;
    }
}

export function format(...values: unknown[]): string {
    const first = values[0];
    let next = 0;
    let out = "";
    if (typeof first === "string") {
        next = 1;
        out = first.replace(/%([sdifjoOc%])/g, (all, kind: string) => {
            if (kind === "%") return "%";
            if (next >= values.length) return all;
            const value = values[next++];
            if (kind === "d" || kind === "f") return String(Number(value));
            if (kind === "i") return String(Math.trunc(Number(value)));
            return kind === "c" ? "" : text(value);
        });
    }
    for (; next < values.length; next++) out += (next > 0 ? " " : "") + text(values[next]);
    return out;
}
