// import … from "dgate/test": what a test file uses, and requestHandler(), by which dgate-runtime runs it.

import { realNow } from "./clock";
import { choose, isSkipped, runTest, type Test } from "./suites";
import { diagnostic, placeOf, resultLine } from "./tap";

export { advanceTimersByTime, runAllTimers, setSystemTime, useFakeTimers, useRealTimers } from "./clock";
export { documents } from "./documents";
export { expect } from "./expect";
export { fakeFetch, registerFiles, request, route, upstream } from "./route";
export { secrets, storage } from "./storage";
export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from "./suites";

type Command =
    | { op: "list"; grep: string; folder: string }
    | { op: "test"; index: number; number: number; timeout: number; folder: string };

interface Context {
    request(): { readJson(): Command };
    response(): { json(value: unknown): unknown };
}

let chosen: Test[] = [];

function list(grep: string, folder: string): { tests: { name: string; at: string }[] } {
    chosen = choose(grep);
    return { tests: chosen.map((t) => ({ name: t.name, at: placeOf(t.at, folder) })) };
}

async function run(q: Command & { op: "test" }): Promise<{ result: string; tap: string }> {
    const t = chosen[q.index] as Test;
    if (t.mode === "todo") return { result: "todo", tap: resultLine(true, q.number, t.name, "TODO") };
    if (isSkipped(t)) return { result: "skip", tap: resultLine(true, q.number, t.name, "SKIP") };
    const begun = realNow();
    try {
        await runTest(t, q.timeout);
        return { result: "pass", tap: resultLine(true, q.number, t.name, "") };
    } catch (error) {
        const why = diagnostic(error, realNow() - begun, q.folder, t.at);
        return { result: "fail", tap: resultLine(false, q.number, t.name, "") + why };
    }
}

export async function requestHandler(ctx: Context): Promise<void> {
    const q = ctx.request().readJson();
    ctx.response().json(q.op === "list" ? list(q.grep, q.folder) : await run(q));
}
