// One result as lines of TAP version 14.

import { AssertionError } from "./expect";
import { show } from "./equal";
import { format, places } from "./tool";

export type Directive = "" | "SKIP" | "TODO";

export function resultLine(ok: boolean, number: number, name: string, directive: Directive): string {
    const safe = name.replace(/[\\#]/g, "\\$&").replace(/\s+/g, " ");
    return `${ok ? "ok" : "not ok"} ${number} - ${safe}${directive === "" ? "" : ` # ${directive}`}\n`;
}

// A text as the value of a YAML key.
function yaml(key: string, value: string, indent: string): string {
    if (!value.includes("\n")) return `${indent}${key}: ${JSON.stringify(value)}\n`;
    const lines = value.split("\n").map((line) => `${indent}  ${line}`.trimEnd());
    return `${indent}${key}: |-\n${lines.join("\n")}\n`;
}

// An error of a test may have getters that throw.
function attempt<T>(look: () => T, otherwise: T): T {
    try {
        return look();
    } catch {
        return otherwise;
    }
}

function messageOf(error: unknown): string {
    if (!(error instanceof Error)) return `the test threw ${format(error)}`;
    const message = String(error.message);
    const isPlain = error instanceof AssertionError || error.name === "GoError" || error.name === "Error";
    return isPlain ? message : `${error.name}: ${message}`;
}

// The place alone of a line of a stack.
function bare(line = ""): string {
    return line.replace(/^.* \((.*)\)$/, "$1");
}

// Where a test was written.
export function placeOf(written: Error, folder: string): string {
    return bare(stackOf(written, folder)[0]);
}

function stackOf(error: Error, folder: string): string[] {
    return places(error)
        .filter((place) => /:\d+$/.test(place.at)) // not what the compiler added
        .slice(0, 10)
        .map(({ name, at }) => (name === "" ? folder + at : `${name} (${folder}${at})`));
}

// The block that says why a test failed. folder is what the names of modules are relative to ("" or "a/b/"); written is
// where the test stands.
export function diagnostic(error: unknown, milliseconds: number, folder: string, written: Error): string {
    const indent = "  ";
    let text = `${indent}---\n`;
    text += yaml("message", attempt(() => messageOf(error), "the test threw an error that cannot be shown"), indent);
    if (error instanceof AssertionError && error.expected !== undefined) {
        text += yaml("expected", error.expected, indent);
        text += yaml("actual", error.actual ?? show(undefined), indent);
    }
    let stack = attempt(() => (error instanceof Error ? stackOf(error, folder) : []), []);
    if (stack.length === 0) stack = stackOf(written, folder).slice(0, 1);
    if (stack.length > 0) {
        text += yaml("at", bare(stack[0]), indent);
        text += `${indent}stack:\n${stack.map((line) => `${indent}  - ${JSON.stringify(line)}\n`).join("")}`;
    }
    return `${text}${indent}duration_ms: ${milliseconds}\n${indent}...\n`;
}
