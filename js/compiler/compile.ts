// One module: TypeScript or JavaScript in, CommonJS for JavaScriptCore out.

import ts from "typescript";

import { analyse } from "./analyse";
import { syntaxErrors } from "./diagnostics";
import { exportTail } from "./names";
import { checkPatterns } from "./patterns";
import { Problems, type Problem } from "./problems";
import { syntaxError } from "./syntax";

export interface CompileRequest {
    name: string;
    type: "typescript" | "javascript";
    api?: "auto" | "dgate1" | "dgate2";
    source: string;
    builtins?: string[]; // modules that can be imported beside those of the runtime library
}

export interface Compiled {
    js: string;
    map: string;
    exports: string[];
    imports: string[];
    importPositions: [line: number, column: number][];
    flavour: "dgate1" | "dgate2";
    readsRequestBody: boolean;
    readsResponseBody: boolean;
    compiler: string;
}

export type CompileResult = { ok: true; compiled: Compiled } | { ok: false; problems: Problem[] };

// Async functions are lowered (to generators and promises) so that every await goes through
// Promise.prototype.then, where the runtime counts them against the CPU limit.
function options(javascript: boolean): ts.CompilerOptions {
    return {
        target: ts.ScriptTarget.ES2016,
        module: ts.ModuleKind.CommonJS,
        allowJs: true,
        alwaysStrict: true,
        esModuleInterop: true,
        experimentalDecorators: true,
        isolatedModules: true,
        moduleDetection: ts.ModuleDetectionKind.Legacy,
        newLine: ts.NewLineKind.LineFeed,
        noLib: true,
        noResolve: true,
        removeComments: true,
        sourceMap: true,
        types: [],
        useDefineForClassFields: javascript,
    };
}

function createHost(file: ts.SourceFile, write: (name: string, text: string) => void): ts.CompilerHost {
    return {
        fileExists: (name) => name === file.fileName,
        getCanonicalFileName: (name) => name,
        getCurrentDirectory: () => "/",
        getDefaultLibFileName: () => "/lib.d.ts",
        getDirectories: () => [],
        getNewLine: () => "\n",
        getSourceFile: (name) => (name === file.fileName ? file : undefined),
        readFile: () => undefined,
        useCaseSensitiveFileNames: () => true,
        writeFile: write,
    };
}

function addDiagnostics(problems: Problems, diagnostics: readonly ts.Diagnostic[]): void {
    for (const d of diagnostics) {
        if (d.category !== ts.DiagnosticCategory.Error) continue;
        problems.add(d.start ?? 0, ts.flattenDiagnosticMessageText(d.messageText, " "));
    }
}

// What the output requires; the emitter escapes characters of names.
function requiredNames(js: string): Set<string> {
    const names = new Set<string>();
    const scanner = ts.createScanner(ts.ScriptTarget.ES2016, true);
    for (const call of js.matchAll(/\brequire\(\s*(?=["'`])/g)) {
        scanner.setText(js, call.index + call[0].length);
        scanner.scan();
        names.add(scanner.getTokenValue());
    }
    return names;
}

export function compile(request: CompileRequest): CompileResult {
    const javascript = request.type === "javascript";
    const fileName = javascript ? "/module.js" : "/module.ts";
    // The engine runs the newest regular expressions whatever the target is.
    const file = ts.createSourceFile(fileName, request.source, ts.ScriptTarget.ESNext, true);
    const problems = new Problems(file);

    const nul = request.source.indexOf("\0"); // which the JSON of an answer may not hold
    if (nul >= 0) {
        problems.add(nul, "a NUL character (U+0000) is not allowed in a source; in a string, write \\0 instead");
        return { ok: false, problems: problems.list() };
    }

    let js = "";
    let map = "";
    const host = createHost(file, (name, text) => {
        if (name.endsWith(".map")) map = text;
        else js = text;
    });
    const program = ts.createProgram([fileName], { ...options(javascript), outDir: "/out" }, host);

    addDiagnostics(problems, program.getSyntacticDiagnostics(file));
    if (problems.none()) {
        const errors = syntaxErrors(program.getSemanticDiagnostics(file));
        addDiagnostics(problems, checkPatterns(file, errors, problems));
    }
    if (!problems.none()) return { ok: false, problems: problems.list() };

    const facts = analyse(file, problems, request.api ?? "auto", request.builtins ?? []);
    if (!problems.none()) return { ok: false, problems: problems.list() };

    program.emit(file);
    js = js.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n").replace(/^#!/, "//");
    const mappings = (JSON.parse(map) as { mappings: string }).mappings;
    js += exportTail(facts.functions);

    const wrong = syntaxError(js, mappings);
    if (wrong !== undefined) {
        problems.addAt(wrong.line, wrong.column, wrong.text);
        return { ok: false, problems: problems.list() };
    }

    // An import that only types use is not in the output.
    const required = requiredNames(js);
    const imports = facts.imports.filter((i) => required.has(i.name));
    return {
        ok: true,
        compiled: {
            js,
            map: mappings,
            exports: facts.exports,
            imports: imports.map((i) => i.name),
            importPositions: imports.map((i) => problems.position(i.at)),
            flavour: facts.dgate1 ? "dgate1" : "dgate2",
            readsRequestBody: facts.readsRequestBody,
            readsResponseBody: facts.readsResponseBody,
            compiler: ts.version,
        },
    };
}
