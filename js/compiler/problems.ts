// What is wrong with a source, by line and column.

import type ts from "typescript";

export interface Problem {
    line: number;
    column: number;
    text: string;
}

const MAX = 50;

export class Problems {
    readonly #file: ts.SourceFile;
    readonly #found: Problem[] = [];

    constructor(file: ts.SourceFile) {
        this.#file = file;
    }

    none(): boolean {
        return this.#found.length === 0;
    }

    position(offset: number): [line: number, column: number] {
        const at = this.#file.getLineAndCharacterOfPosition(offset);
        return [at.line + 1, at.character + 1];
    }

    add(offset: number, text: string): void {
        const [line, column] = this.position(offset);
        this.addAt(line, column, text);
    }

    addAt(line: number, column: number, text: string): void {
        if (this.#found.length < MAX) this.#found.push({ line, column, text });
    }

    list(): Problem[] {
        return this.#found.sort((a, b) => a.line - b.line || a.column - b.column);
    }
}
