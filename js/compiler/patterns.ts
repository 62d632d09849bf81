// Regular expression literals. They reach the output as they are, so the engine that will run them is the judge: what
// TypeScript says of them depends on its target and on its tables of flags and properties.

import ts from "typescript";

import type { Problems } from "./problems";

interface Literal {
    start: number;
    end: number;
    wrong: string | undefined; // in the engine's words
}

function engineError(literal: string): string | undefined {
    const slash = literal.lastIndexOf("/");
    try {
        new RegExp(literal.slice(1, slash), literal.slice(slash + 1));
        return undefined;
    } catch (error) {
        if (error instanceof SyntaxError) return error.message;
        throw error;
    }
}

function literals(file: ts.SourceFile): Literal[] {
    const found: Literal[] = [];
    const visit = (node: ts.Node): void => {
        if (ts.isRegularExpressionLiteral(node))
            found.push({ start: node.getStart(file), end: node.end, wrong: engineError(node.text) });
        ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
}

// The errors without those about literals that the engine takes. A literal that it refuses keeps what TypeScript says of
// it, with its more exact place; without that, the engine's words are added to the problems.
export function checkPatterns(
    file: ts.SourceFile,
    errors: readonly ts.Diagnostic[],
    problems: Problems,
): ts.Diagnostic[] {
    const all = literals(file);
    const owners = new Int32Array(file.text.length); // of the offsets: index in all + 1
    all.forEach((l, i) => owners.fill(i + 1, l.start + 1, l.end));
    const ownerOf = (e: ts.Diagnostic): Literal | undefined => all[(owners[e.start ?? 0] ?? 0) - 1];
    const explained = new Set(errors.map(ownerOf));
    for (const l of all) if (l.wrong !== undefined && !explained.has(l)) problems.add(l.start, l.wrong);
    return errors.filter((e) => {
        const owner = ownerOf(e);
        return owner === undefined || owner.wrong !== undefined;
    });
}
