// console: one line of the log for each call, named after the module that calls.

import { formatLine } from "./format";
import { host, Level } from "./host";

const LINE_MAX = 4096;

type Log = (...values: unknown[]) => void;
export interface Console {
    log: Log;
    info: Log;
    debug: Log;
    trace: Log;
    warn: Log;
    error: Log;
    assert: (condition: unknown, ...values: unknown[]) => void;
}

export function logLine(level: Level, module: string, line: string): void {
    host.log(level, module, line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}...` : line);
}

export function makeConsole(module: string): Console {
    const at =
        (level: Level): Log =>
        (...values) =>
            logLine(level, module, formatLine(...values));
    return {
        log: at(Level.Info),
        info: at(Level.Info),
        debug: at(Level.Debug),
        trace: at(Level.Debug),
        warn: at(Level.Warn),
        error: at(Level.Error),
        assert: (condition, ...values) => {
            if (!condition) logLine(Level.Error, module, formatLine("assertion failed", ...values));
        },
    };
}
