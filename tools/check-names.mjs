#!/usr/bin/env node
// Prints every name in the scripts of tests/, bench/ and tools/ that is declared nowhere, file:line. Exits 1 if there is one.
import { execFileSync } from 'node:child_process';
import ts from 'typescript';

const UNKNOWN = new Set([2304, 2552, 2580, 2581, 2582, 2583, 2584, 2591, 2592, 2593]);
const NODE = ['process', 'Buffer', 'setImmediate', 'clearImmediate', 'global'];
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.mjs'], { encoding: 'utf8' })
    .split('\n').filter((name) => name !== '');
const options = {
    skipLibCheck: true, skipDefaultLibCheck: true, allowJs: true, checkJs: true, noEmit: true, noResolve: true, types: [], target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext, lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
};
const globals = '/node-globals.d.ts';
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
host.fileExists = (name) => name === globals || fileExists(name);
host.getSourceFile = (name, ...rest) =>
    name === globals
        ? ts.createSourceFile(name, NODE.map((n) => `declare const ${n}: any;`).join('\n'), ts.ScriptTarget.ES2023)
        : getSourceFile(name, ...rest);
const program = ts.createProgram([...files, globals], options, host);
const found = program.getSemanticDiagnostics().filter((d) => UNKNOWN.has(d.code) && d.file !== undefined);
for (const d of found) {
    const { line } = d.file.getLineAndCharacterOfPosition(d.start);
    console.log(`${d.file.fileName}:${line + 1}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`);
}
process.exit(found.length > 0 ? 1 : 0);
