// The engine's own opinion of the emitted code, for the few early errors that TypeScript lets pass.

import { originalPosition } from "../shared/mappings";

const PARAMETERS = ["exports", "require", "module", "console"];
// Function() puts "function anonymous(exports,require,module,console\n) {\n" before the body.
const LINES_BEFORE = 2;

export function syntaxError(
    js: string,
    mappings: string,
): { line: number; column: number; text: string } | undefined {
    try {
        new Function(...PARAMETERS, js);
        return undefined;
    } catch (error) {
        const found = error as { message: string; line?: number };
        const at = originalPosition(mappings, (found.line ?? 1) - LINES_BEFORE, undefined);
        return { line: at?.line ?? 1, column: at?.column ?? 1, text: found.message };
    }
}
