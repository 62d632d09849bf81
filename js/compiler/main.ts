// Runs inside JavaScriptCore in the compiler process. src/script/compiler.c hands one request at a time to
// dgateCompile() and sends back what it returns (src/script/compiler.h has the shapes).

import ts from "typescript";

import { compile, type CompileRequest } from "./compile";

declare const globalThis: { dgateCompile: (request: string) => string; dgateTypeScript: typeof ts };

globalThis.dgateTypeScript = ts; // for extensions

globalThis.dgateCompile = (text) => {
    const request = JSON.parse(text) as CompileRequest & { id: number; extension?: string };
    if (request.extension !== undefined) {
        (0, eval)(request.extension); // of a tool: it may take over dgateCompile
        return JSON.stringify({ id: request.id, ok: true });
    }
    try {
        const result = compile(request);
        return JSON.stringify({ id: request.id, ...result });
    } catch (error) {
        // The TypeScript compiler recurses with the source, so deep nesting ends here as a RangeError.
        const text =
            error instanceof RangeError
                ? "the source is nested too deeply or too large to compile"
                : `the compiler failed: ${String(error)}`;
        return JSON.stringify({ id: request.id, ok: false, problems: [{ line: 1, column: 1, text }] });
    }
};
