// Type checking, as an extension of the compiler (js/compiler/main.ts), asked by src/runtime/check_command.c:
//   {"check":"file","path","source"} -> {"imports":[name, ...]}
//   {"check":"link","from","name","to"}: an import of that name in from means the file to
//   {"check":"types"} -> {"diagnostics":[{"path","line","column","code","text"}, ...]} of all files

import type typescript from "typescript";
import texts from "dgate-libs";

type Question =
    | { check: "file"; path: string; source: string }
    | { check: "link"; from: string; name: string; to: string }
    | { check: "types" };

interface Diagnostic {
    path: string;
    line: number;
    column: number;
    code: number;
    text: string;
}

const scope = globalThis as unknown as {
    dgateExtension: (request: Question | { check?: undefined }) => object | undefined;
    dgateTypeScript: typeof typescript;
};
const ts = scope.dgateTypeScript;

const OURS = "/(dgate)/";
const TYPES = ["dgate.d.ts", "web.d.ts", "test.d.ts"];
const options: typescript.CompilerOptions = {
    allowJs: true,
    esModuleInterop: true,
    lib: ["lib.es2023.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noEmit: true,
    noResolve: false,
    skipLibCheck: true,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    types: [],
};

const sources = new Map<string, string>();
const links = new Map<string, string>(); // "from\0name" -> file
const parsed = new Map<string, typescript.SourceFile>();

function textOf(path: string): string | undefined {
    return path.startsWith(OURS) ? texts[path.slice(OURS.length)] : sources.get(path);
}

function parse(path: string): typescript.SourceFile | undefined {
    const known = parsed.get(path);
    const text = textOf(path);
    if (known !== undefined || text === undefined) return known;
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true); // for newer regular expressions
    parsed.set(path, file);
    return file;
}

function resolve(from: string, name: string): typescript.ResolvedModuleFull | undefined {
    const to = links.get(`${from}\0${name}`);
    if (to === undefined) return undefined;
    return { resolvedFileName: to, extension: to.endsWith(".js") ? ts.Extension.Js : ts.Extension.Ts };
}

const host: typescript.CompilerHost = {
    fileExists: (path) => textOf(path) !== undefined,
    getCanonicalFileName: (path) => path,
    getCurrentDirectory: () => "/",
    getDefaultLibFileName: () => `${OURS}lib.es2023.d.ts`,
    getDefaultLibLocation: () => OURS.slice(0, -1),
    getDirectories: () => [],
    getNewLine: () => "\n",
    getSourceFile: parse,
    readFile: textOf,
    resolveModuleNameLiterals: (names, from) =>
        names.map((name) => ({ resolvedModule: resolve(from, name.text) })),
    useCaseSensitiveFileNames: () => true,
    writeFile: () => undefined,
};

function place(d: typescript.Diagnostic): Diagnostic {
    const text = ts.flattenDiagnosticMessageText(d.messageText, "\n");
    if (d.file === undefined) return { path: "", line: 0, column: 0, code: d.code, text };
    const at = d.file.getLineAndCharacterOfPosition(d.start ?? 0);
    return { path: d.file.fileName, line: at.line + 1, column: at.character + 1, code: d.code, text };
}

function check(paths: string[]): Diagnostic[] {
    const rootNames = [...paths, ...TYPES.map((name) => OURS + name)];
    const program = ts.createProgram({ rootNames, options, host });
    const found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
    for (const path of paths) {
        const file = program.getSourceFile(path);
        found.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file));
    }
    return found.filter((d) => d.category === ts.DiagnosticCategory.Error).map(place);
}

// Files without import and export are scripts: what they declare is global, so each is looked at alone.
function checkAll(): Diagnostic[] {
    const modules: string[] = [];
    const scripts: string[] = [];
    for (const path of sources.keys())
        (ts.isExternalModule(parse(path) as typescript.SourceFile) ? modules : scripts).push(path);
    const found = modules.length > 0 ? check(modules) : [];
    return found.concat(...scripts.map((path) => check([path])));
}

function answer(q: Question): object {
    if (q.check === "file") {
        sources.set(q.path, q.source);
        return { imports: ts.preProcessFile(q.source, true, true).importedFiles.map((f) => f.fileName) };
    }
    if (q.check === "link") {
        links.set(`${q.from}\0${q.name}`, q.to);
        return {};
    }
    return { diagnostics: checkAll() };
}

scope.dgateExtension = (q) => (q.check === undefined ? undefined : answer(q));
