// Runs inside JavaScriptCore in the compiler process. src/script/compiler.c hands one request at a time to
// dgateCompile() and sends back what it returns (src/script/compiler.h has the shapes).

import ts from "typescript";

import { compile, type CompileRequest } from "./compile";

declare const globalThis: {
    dgateCompile: (request: string) => string;
    // What a tool adds: it answers requests of its own, undefined for others.
    dgateExtension?: (request: object) => object | undefined;
    dgateTypeScript: typeof ts; // for it
};

globalThis.dgateTypeScript = ts;

type Request = CompileRequest & { id: number; extension?: string };

function extended(request: Request): object | undefined {
    if (request.extension === undefined) return globalThis.dgateExtension?.(request);
    (0, eval)(request.extension);
    return {};
}

globalThis.dgateCompile = (text) => {
    const request = JSON.parse(text) as Request;
    try {
        const more = extended(request);
        const result = more !== undefined ? { ok: true, ...more } : compile(request);
        return JSON.stringify({ id: request.id, ...result });
    } catch (error) {
        // The TypeScript compiler recurses with the source, so deep nesting ends here as a RangeError;
        // so does memory that is used up, by earlier requests perhaps.
        const exhausted = error instanceof RangeError;
        const text = exhausted
            ? "the source is nested too deeply or too large to compile"
            : `the compiler failed: ${String(error)}`;
        return JSON.stringify({ id: request.id, ok: false, exhausted, problems: [{ line: 1, column: 1, text }] });
    }
};
