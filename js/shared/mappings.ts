// Source maps (ECMA-426), as far as "mappings" of one source goes.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export interface Position {
    line: number;
    column: number;
}

// The numbers of one segment.
function decode(segment: string): number[] {
    const numbers: number[] = [];
    let value = 0;
    let shift = 0;
    for (let i = 0; i < segment.length; i++) {
        const digit = DIGITS.indexOf(segment.charAt(i));
        value += (digit & 31) << shift;
        if ((digit & 32) !== 0) {
            shift += 5;
            continue;
        }
        numbers[numbers.length] = (value & 1) !== 0 ? -(value >>> 1) : value >>> 1;
        value = 0;
        shift = 0;
    }
    return numbers;
}

// Where generated line and column (from 1) come from: the last segment at or before the column; the line's
// first without a column; the nearest earlier one when the line has none.
export function originalPosition(
    mappings: string,
    line: number,
    column: number | undefined,
): Position | undefined {
    let sourceLine = 0;
    let sourceColumn = 0;
    let found: Position | undefined;
    const lines = mappings.split(";");
    for (let i = 0; i < lines.length && i < line; i++) {
        let generated = 0;
        const last = i === line - 1;
        const segments = (lines[i] as string).split(",");
        for (let j = 0; j < segments.length; j++) {
            const n = decode(segments[j] as string);
            generated += n[0] ?? 0;
            if (n.length < 4) continue;
            sourceLine += n[2] as number;
            sourceColumn += n[3] as number;
            if (last && j > 0 && (column === undefined || generated > column - 1)) return found;
            found = { line: sourceLine + 1, column: sourceColumn + 1 };
        }
    }
    return found;
}
