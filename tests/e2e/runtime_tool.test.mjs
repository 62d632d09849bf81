// dgate-runtime: tests, type checks, single requests and measurements of modules without a server.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import test from 'node:test';
import { Gateway, withUpstream } from './lib/gateway.mjs';

const RUNTIME = resolve(process.env.DGATE_BIN ?? 'build/bin', 'dgate-runtime');

// Runs the program; standard output, standard error and the exit status.
function run(args, cwd = process.cwd()) {
    return new Promise((done, fail) => {
        const child = spawn(RUNTIME, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
        const out = { stdout: '', stderr: '' };
        for (const name of ['stdout', 'stderr']) child[name].on('data', (chunk) => (out[name] += chunk));
        child.on('error', fail);
        child.on('close', (status) => done({ ...out, status }));
    });
}

// A folder with these files, for the time of fn.
async function withFiles(files, fn) {
    const folder = mkdtempSync(join(tmpdir(), 'dgate-runtime-'));
    try {
        for (const [name, text] of Object.entries(files)) {
            mkdirSync(dirname(join(folder, name)), { recursive: true });
            writeFileSync(join(folder, name), text);
        }
        return await fn(folder);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

const runIn = (files, ...args) => withFiles(files, (folder) => run(args, folder));

// The results of a TAP stream, by name: whether ok, the directive, and the lines of the block that follows.
function results(tap) {
    assert.match(tap, /^TAP version 14\n/);
    const found = {};
    let last;
    for (const line of tap.split('\n')) {
        const head = /^(not ok|ok) (\d+) - (.*?)(?: # (SKIP|TODO))?$/.exec(line);
        if (head !== null) {
            last = found[head[3]] = { ok: head[1] === 'ok', number: Number(head[2]), directive: head[4], block: '' };
            continue;
        }
        if (line.startsWith('  ')) last.block += `${line}\n`;
    }
    const all = Object.values(found);
    assert.ok(tap.includes(`\n1..${all.length}\n`), `the plan is 1..${all.length}`);
    assert.deepEqual(all.map((r) => r.number), all.map((_, i) => i + 1));
    return found;
}

const names = (found, ok) => Object.keys(found).filter((name) => found[name].ok === ok);

test('the tests of the examples pass', async () => {
    const { stdout, status } = await run(['test', 'examples']);
    const found = results(stdout);
    assert.deepEqual(names(found, false), []);
    assert.ok(names(found, true).length >= 16, stdout);
    assert.ok(found['shortener > follows a link'], stdout);
    assert.equal(status, 0);
});

const MODULE = `
    import { boom } from "./lib/boom";
    export async function requestModifier(ctx: any) {
        ctx.request().headers.set("X-Seen", "yes");
        if (ctx.query().get("deny") !== "") ctx.response().status(401).send("no");
        if (ctx.query().get("spin") !== "") for (;;);
        if (ctx.query().get("boom") !== "") boom();
    }
    export async function responseModifier(ctx: any) {
        const body = await ctx.upstream().readJson();
        ctx.upstream().writeJson({ ...body, id: ctx.pathParam("id") });
    }
    export function errorHandler(ctx: any, error: any) {
        ctx.response().status(599).json({ error: error.message });
    }`;
const BOOM = `// a library
export function boom(): never {
    throw new TypeError("broken");
}
`;

test('a route runs the whole chain against fakes', async () => {
    const source = `
        import { describe, expect, it, route, upstream } from "dgate/test";
        import * as mod from "./mod";
        const echo = upstream((q) => ({ json: { path: q.path, seen: q.headers.get("x-seen"), body: q.text() } }));
        const r = route(mod, { path: "/things/{id}", upstream: echo });
        it("forwards", async () => {
            const y = await r.request("POST /things/7?a=1", { body: "héllo", headers: { "X-Own": "1" } });
            expect(y.status).toBe(200);
            expect(y.json()).toEqual({ path: "/things/7", seen: "yes", body: "héllo", id: "7" });
            expect(r.forwarded).toHaveLength(1);
            expect(r.forwarded[0]?.method).toBe("POST");
            expect(r.forwarded[0]?.query.get("a")).toBe("1");
            expect(r.forwarded[0]?.headers.get("x-own")).toBe("1");
        });
        it("ends a request that a module answers", async () => {
            const before = r.forwarded.length;
            const y = await r.get("/things/7?deny=1");
            expect([y.status, y.text(), r.forwarded.length]).toEqual([401, "no", before]);
        });
        it("carries bytes", async () => {
            const bytes = new Uint8Array([0, 255, 128, 10]);
            const plain = route("./plain.js", { upstream: (q) => ({ body: q.bytes }) });
            expect((await plain.post("/", bytes)).bytes).toEqual(bytes);
        });
        it("calls errorHandler when a module throws", async () => {
            const y = await r.get("/things/7?boom=1");
            expect(y.status).toBe(599);
            expect(y.json().error).toBe("lib/boom.ts:3:24: TypeError: broken");
        });
        it("calls errorHandler when the upstream fails, after its retries", async () => {
            const dead = route(mod, { upstream: { fail: "CONNECT" }, service: { retries: 2 } });
            const y = await dead.get("/");
            expect(y.status).toBe(599);
            expect(y.json().error).toMatch("refused");
            expect(dead.forwarded).toHaveLength(3);
        });
        it("has the limits of a server", async () => {
            const y = await r.get("/things/7?spin=1");
            expect(y.status).toBe(503);
            expect(y.json().error).toBe("a module used too much CPU time");
        });
        it("runs modules in the order of a route", async () => {
            const chain = route(["./first", "./second"], { upstream: (q) => q.headers.get("x-order") ?? "" });
            expect((await chain.get("/")).text()).toBe("first second");
        });
        it("answers 404 and 405 as a server", async () => {
            const only = route(mod, { path: "/a", methods: ["GET"], upstream: 200 });
            expect((await only.get("/b")).status).toBe(404);
            expect((await only.post("/a")).status).toBe(405);
        });`;
    const add = (name) => `exports.requestModifier = (ctx) => {
        const headers = ctx.request().headers;
        headers.set("X-Order", (headers.get("X-Order") + " ${name}").trim());
    };`;
    const { stdout, stderr, status } = await runIn(
        {
            'mod.ts': MODULE,
            'lib/boom.ts': BOOM,
            'plain.js': 'exports.requestModifier = () => {};',
            'first.js': add('first'),
            'second.js': add('second'),
            'a.test.ts': source,
        },
        'test',
    );
    assert.deepEqual(names(results(stdout), false), [], stdout + stderr);
    assert.equal(names(results(stdout), true).length, 8);
    assert.equal(status, 0);
});

test('failing tests tell what, expected, actual and where', async () => {
    const source = `import { expect, it } from "dgate/test";
import { boom } from "./lib/boom";
it("differs", () => {
    expect({ a: [1, 2] }).toEqual({ a: [1] });
});
it("throws in a library", () => { boom(); });
it("fails later", async () => {
    await new Promise((done) => setTimeout(done, 1));
    expect(1 + 1).toBe(3);
});
it("is rejected", async () => {
    await expect(Promise.resolve(5)).rejects.toThrow();
});
it("passes", () => expect(1).toBe(1));
it.skip("is left out", () => boom());
it.todo("is to be written");
`;
    const { stdout, status } = await runIn({ 'sub/lib/boom.ts': BOOM, 'sub/b.test.ts': source }, 'test');
    const found = results(stdout);
    assert.match(found.differs.block, /message: "expected \{\\"a\\":\[1,2\]\} to equal \{\\"a\\":\[1\]\}"/);
    assert.match(found.differs.block, /expected: "\{\\"a\\":\[1\]\}"\n {2}actual: "\{\\"a\\":\[1,2\]\}"/);
    assert.match(found.differs.block, /at: "sub\/b\.test\.ts:4:34"/);
    assert.match(found['throws in a library'].block, /message: "TypeError: broken"\n {2}at: "sub\/lib\/boom\.ts:3:24"/);
    assert.match(found['fails later'].block, /expected: "3"\n {2}actual: "2"\n {2}at: "sub\/b\.test\.ts:9:23"/);
    assert.match(found['is rejected'].block, /it resolved with 5"\n {2}at: "sub\/b\.test\.ts:12:/);
    assert.deepEqual(found.passes.ok, true);
    assert.equal(found['is left out'].directive, 'SKIP');
    assert.equal(found['is to be written'].directive, 'TODO');
    assert.match(stdout, /# tests 7\n# pass 1\n# fail 4\n# skip 1\n# todo 1\n$/);
    assert.equal(status, 1);
});

test('toStrictEqual sees what toEqual does not', async () => {
    const source = `import { expect, it } from "dgate/test";
class Point { constructor(readonly x: number) {} }
it.each([
    [{ a: 1, b: undefined }, { a: 1 }],
    [[undefined, 1], [, 1]],
    [new Point(1), { x: 1 }],
    [{ deep: [{ a: undefined }] }, { deep: [{}] }],
])("%j", (a, b) => {
    expect(a).toEqual(b);
    expect(a).not.toStrictEqual(b);
    expect(a).toStrictEqual(a);
});
it("the same", () => {
    expect({ a: [1, { b: undefined }], p: new Point(2), m: new Map([[1, { c: 2 }]]) })
        .toStrictEqual({ a: [1, { b: undefined }], p: new Point(2), m: new Map([[1, { c: 2 }]]) });
});
it("fails", () => expect({ a: undefined }).toStrictEqual({}));
it("differs", () => expect({ a: 1 }).toStrictEqual({ a: 2 }));
`;
    const { stdout } = await runIn({ 'a.test.ts': source }, 'test');
    const found = results(stdout);
    assert.deepEqual(names(found, false), ['fails', 'differs'], stdout);
    assert.match(found.fails.block, /to equal \{\} strictly \(members that are undefined, and types\)/);
    assert.match(found.differs.block, /to equal \{\\"a\\":2\}"/);
});

test('a test that passes a limit fails with it, and the run goes on', async () => {
    const source = `import { it } from "dgate/test";
it("loops", () => { for (;;); });
it("loops in promises", async () => { for (;;) await null; });
it("never ends", () => new Promise(() => undefined), 50);
it("recurses", () => { const f = (): number => f() + 1; f(); });
it("is after them", () => undefined);
`;
    const files = { 'a.test.ts': source, 'b.test.ts': 'import { it } from "dgate/test"; it("is another file", () => 0);' };
    const { stdout, stderr, status } = await runIn(files, 'test');
    const found = results(stdout);
    for (const name of ['loops', 'loops in promises'])
        assert.match(found[name].block, /used more than 100 ms of CPU time at a stretch \(limits\.module_cpu_ms\)\n {2}at: "a\.test\.ts:[23]:3"\n[^]*\n {2}duration_ms: \d+\n/);
    assert.doesNotMatch(stderr, /requestHandler|\(main\)|dgate\/test/);
    assert.match(found['never ends'].block, /did not end within 50 ms/);
    assert.match(found.recurses.block, /RangeError/);
    assert.deepEqual(names(found, true), ['is after them', 'is another file']);
    assert.equal(status, 1);
});

test('what nobody awaits fails the test that it is rejected in', async () => {
    const source = `import { expect, it, route } from "dgate/test";
import * as mod from "./mod";
it("does not await", () => { expect(Promise.resolve(1)).resolves.toBe(2); });
it("passes", () => undefined);
it("loses a promise", () => { void Promise.reject(new Error("lost")); });
it("handles it late", async () => { const p = Promise.reject(new Error("late")); await null; p.catch(() => undefined); });
it("has a module that loses one", async () => { expect((await route(mod).get("/")).status).toBe(200); });
it("has a timer that throws", async () => { setTimeout(() => { throw new Error("in timer"); }, 1); await new Promise((done) => setTimeout(done, 20)); });
it("has a listener that throws", () => { const t = new EventTarget(); t.addEventListener("x", () => { throw new Error("in listener"); }); t.dispatchEvent(new Event("x")); });
it("has a strange error", () => { throw Object.defineProperties(new Error(), { message: { get() { throw 1; } }, stack: { get() { throw 2; } } }); });
it("has a wrong path", () => expect(route(mod).get("x")).rejects.toThrow('"x" is no path: it begins with "/"'));
`;
    const mod = 'export const requestHandler = (ctx: any) => { void Promise.reject(new Error("in the module")); ctx.response().json({}); };';
    const { stdout, status } = await runIn({ 'a.test.ts': source, 'mod.ts': mod }, 'test');
    const found = results(stdout);
    assert.deepEqual(names(found, true), ['passes', 'handles it late', 'has a wrong path'], stdout);
    assert.match(found['does not await'].block, /expected: "2"\n {2}actual: "1"\n {2}at: "a\.test\.ts:3:/);
    assert.match(found['loses a promise'].block, /message: "lost"\n {2}at: "a\.test\.ts:5:/);
    assert.match(found['has a timer that throws'].block, /message: "in timer"\n {2}at: "a\.test\.ts:8:/);
    assert.match(found['has a listener that throws'].block, /message: "in listener"\n {2}at: "a\.test\.ts:9:/);
    assert.match(found['has a strange error'].block, /message: "the test threw an error that cannot be shown"\n {2}at: "a\.test\.ts:10:3"\n[^]*duration_ms: \d+\n/);
    assert.match(found['has a module that loses one'].block, /message: "in the module"\n {2}at: "mod\.ts:1:/);
    assert.equal(status, 1);
});

test('files are imported by any name, and with the ending of JavaScript', async () => {
    const files = {
        'lib/größe.ts': 'export const size = 3;',
        'mod.ts': 'import { size } from "./lib/größe.js";\nexport const requestHandler = (ctx: any) => ctx.response().json(size);',
        'a.test.ts': `import { expect, it, route } from "dgate/test";
import { size } from "./lib/größe";
import * as mod from "./mod.js";
it("works", async () => expect((await route([mod]).get("/")).json()).toBe(size));
`,
        'b.test.ts': 'import { it } from "dgate/test";\nimport "./sub/d";\nit("x", () => 0);',
        'sub/c.ts': '',
        'sub/d.ts': 'import "c";',
    };
    const { stdout, stderr } = await runIn(files, 'test');
    const found = results(stdout);
    assert.deepEqual(names(found, true), ['works'], stdout);
    assert.match(found['b.test.ts'].block, /sub\/d\.ts:1:8: "c" is not a module of this route \(it has "b\.test\.ts", "sub\/d\.ts", "sub\/c\.ts"\)/);
    assert.doesNotMatch(stdout + stderr, /\(main\)|dgate\/test/);
    assert.match((await runIn(files, 'run', 'mod.ts')).stdout, /\n3$/);
});

test('a response that breaks off is rejected with the reason', async () => {
    const source = `import { expect, it, route } from "dgate/test";
it("breaks off", async () => {
    await expect(route("./mod.ts").get("/")).rejects.toThrow("broken off: mod.ts:1:");
    await expect(route("./mod.ts").get("/")).rejects.toThrow("Error: xx");
});
`;
    const mod = 'export const requestHandler = () => new Response(new ReadableStream({ pull(c) { c.error(new Error("xx")); } }));';
    const { stdout, status } = await runIn({ 'a.test.ts': source, 'mod.ts': mod }, 'test');
    assert.equal(status, 0, stdout);
});

test('limits come from a configuration', async () => {
    const files = {
        'c.yaml': 'version: v1\nlimits:\n  module_cpu_ms: 300\n  module_wall_ms: 1000\n',
        'a.test.ts': 'import { it } from "dgate/test"; it("loops", () => { for (;;); });',
    };
    await withFiles(files, async (folder) => {
        const { stdout } = await run(['test', '-c', 'c.yaml', '--timeout', '900'], folder);
        assert.match(results(stdout).loops.block, /more than 300 ms of CPU time/);
        const late = await run(['test', '-c', 'c.yaml', '--timeout', '1500'], folder);
        assert.match(late.stderr, /--timeout is 1500; calls of modules end after 1000 ms/);
        assert.equal(late.status, 2);
    });
});

test('hooks, groups and selection', async () => {
    const source = `import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "dgate/test";
const calls: string[] = [];
describe("outer", () => {
    beforeAll(() => { calls.push("all"); });
    beforeEach(async () => { calls.push("each"); });
    afterEach(() => { calls.push("/each"); });
    afterAll(() => { calls.push("/all"); });
    describe("inner", () => {
        beforeEach(() => { calls.push("inner"); });
        it("one", () => { calls.push("one"); });
        it.each([["a", 1], ["b", 2]] as [string, number][])("row %s %d", (text, number) => { calls.push(text + number); });
    });
});
it("saw them", () => {
    expect(calls.join(" ")).toBe("all each inner one /each each inner a1 /each each inner b2 /each /all");
});
`;
    await withFiles({ 'a.test.ts': source }, async (folder) => {
        const all = results((await run(['test'], folder)).stdout);
        assert.deepEqual(names(all, true), ['outer > inner > one', 'outer > inner > row a 1', 'outer > inner > row b 2', 'saw them']);
        const some = results((await run(['test', '--grep', 'inner > row'], folder)).stdout);
        assert.deepEqual(names(some, true), ['outer > inner > row a 1', 'outer > inner > row b 2']);
        const none = await run(['test', '-t', 'nothing has this name'], folder);
        assert.equal(none.status, 1);
        assert.match(none.stderr, /no tests were found/);
        assert.match(none.stdout, /\n1\.\.0\n/);
    });
});

test('only, and a hook that fails', async () => {
    const source = `import { beforeAll, describe, it } from "dgate/test";
describe("broken", () => {
    beforeAll(() => { throw new Error("no database"); });
    it.only("one", () => undefined);
    it.only("two", () => undefined);
});
it("is not chosen", () => undefined);
`;
    const found = results((await runIn({ 'a.test.ts': source }, 'test')).stdout);
    assert.deepEqual(Object.keys(found), ['broken > one', 'broken > two']);
    for (const result of Object.values(found)) assert.match(result.block, /message: "no database"/);
});

test('fetch is faked and never reaches the network', async () => {
    const files = {
        'mod.ts': `export async function requestHandler(ctx: any) {
            const answer = await fetch("https://api.example/users?id=7", { method: "POST", body: { name: "Ada" } });
            ctx.response().status(answer.status).json({ got: await answer.json(), type: answer.headers.get("x-type") });
        }`,
        'a.test.ts': `import { expect, fakeFetch, it, route } from "dgate/test";
        import * as mod from "./mod";
        const r = route(mod);
        it("answers by table", async () => {
            const api = fakeFetch({ "POST https://api.example/users": { status: 201, json: [1], headers: { "X-Type": "t" } } });
            const y = await r.get("/");
            expect(y.status).toBe(201);
            expect(y.json()).toEqual({ got: [1], type: "t" });
            expect(api.requests[0]?.json()).toEqual({ name: "Ada" });
            expect(api.requests[0]?.query.get("id")).toBe("7");
        });
        it("fails without a fake", async () => { await r.get("/"); });
        it("can fail", async () => {
            fakeFetch({ fail: "TIMEOUT" });
            expect((await r.get("/")).status).toBe(500);
        });
        it("has the test use it too", async () => {
            fakeFetch("hello");
            expect(await (await fetch("http://any.example/")).text()).toBe("hello");
        });`,
    };
    const found = results((await runIn(files, 'test')).stdout);
    assert.deepEqual(names(found, false), ['fails without a fake']);
    assert.match(found['fails without a fake'].block, /nothing answers fetch\(\) of POST https:\/\/api\.example\/users\?id=7/);
});

test('collections and documents are checked as by a server', async () => {
    const source = `import { documents, expect, it } from "dgate/test";
    import { addCollection, addDocument, deleteCollection, deleteDocument, getCollection, getDocument, getDocuments } from "dgate/state";
    it("stores and lists", async () => {
        await documents.put("things", { b: { n: 2 }, a: { n: 1 } });
        expect((await getDocuments({ collection: "things" })).map((d) => d.id)).toEqual(["a", "b"]);
        expect(await getDocuments({ collection: "things", limit: 1, offset: 1 })).toHaveLength(1);
        const first = await getDocument("a", "things");
        expect(first).toMatchObject({ id: "a", collection: "things", namespace: "default", data: { n: 1 } });
        await addDocument({ id: "a", collection: "things", data: { n: 3 } });
        expect(await documents.get("things", "a")).toEqual({ n: 3 });
        expect((await getDocument("a", "things"))?.createdAt).toBe(first?.createdAt);
        expect(await getDocument("z", "things")).toBeNull();
        expect((await getCollection("things")).name).toBe("things");
        await documents.put("large", { n: 1e19 });
        expect(await documents.get("large", "n")).toBe(1e19);
        expect(await deleteDocument("n", "large")).toEqual({ id: "n", collection: "large" });
        expect(await deleteCollection("large")).toEqual({ name: "large" });
    });
    it("refuses", async () => {
        await expect(getCollection("none")).rejects.toThrow("collection default/none: not found");
        await expect(addDocument({ id: "n", collection: "things", data: "\\0" })).rejects.toThrow("document default/things/n: a string has a NUL");
        await expect(getDocument("a", "none")).rejects.toThrow("collection default/none: not found");
        await expect(addDocument({ id: "", collection: "things", data: 1 })).rejects.toThrow("id");
        await expect(addCollection({ name: "x", visibility: "secret" as any })).rejects.toThrow("visibility");
        await expect(getDocuments({ collection: "things", limit: -1 })).rejects.toThrow("limit must be a whole number");
        await expect(deleteCollection("things")).rejects.toThrow("still has 2 documents");
        await expect(deleteDocument("z", "things")).rejects.toThrow("not found");
        const large = "x".repeat(2 ** 20);
        await expect(addDocument({ id: "l", collection: "things", data: large })).rejects.toThrow("limits.document_max");
    });
    it("clears", async () => {
        await documents.clear();
        await expect(documents.all("things")).rejects.toThrow("not found");
    });`;
    const { stdout } = await runIn({ 'a.test.ts': source }, 'test');
    assert.deepEqual(names(results(stdout), false), [], stdout);
});

const USER_SCHEMA = '{"type":"object","properties":{"age":{"type":"integer"},"mail":{"format":"email"}},"required":["age"],"additionalProperties":false}';

// Writes what the request's body says and answers with the error's message.
const WRITER = `import { addCollection, addDocument } from "dgate/state";
    export const requestHandler = async (ctx: any) => {
        const { collection, document } = ctx.request().readJson();
        try {
            if (collection) await addCollection(collection);
            if (document) await addDocument(document);
            ctx.response().send("stored");
        } catch (error: any) { ctx.response().send(error.message); }
    };`;
const WRITES = [
    { document: { id: '7', collection: 'users', data: { age: 'old' } } },
    { document: { id: 'x y', collection: 'users', data: { age: 1, mail: 'nobody', more: 1 } } },
    { document: { id: '7', collection: 'users', data: null } },
    { document: { id: '7', collection: 'users', data: { age: 7 } } },
    { collection: { name: 'wrong', schema: { type: 1 } } },
    { collection: { name: 'wrong', schema: { $schema: 'https://json-schema.org/draft-04/schema' } } },
    { collection: { name: 'large', schema: { description: 'x'.repeat(65536) } } },
    { collection: { name: 'free', schema: null }, document: { id: 'a', collection: 'free', data: 'anything' } },
];

test('JSON Schemas are enforced with the messages of a server', async () => {
    const source = `import { it, route } from "dgate/test";
        import { addCollection } from "dgate/state";
        import * as writer from "./writer";
        it("writes", async () => {
            await addCollection({ name: "users", schema: ${USER_SCHEMA} });
            for (const write of ${JSON.stringify(WRITES)}) console.log((await route(writer).post("/", write)).text());
        });`;
    const tool = await runIn({ 'writer.ts': WRITER, 'a.test.ts': source }, 'test');
    const gateway = await new Gateway({}).start();
    try {
        await gateway.put('collection', { name: 'users', schema: JSON.parse(USER_SCHEMA) });
        await gateway.module('writer', WRITER);
        await gateway.put('route', { name: 'writer', paths: ['/**'], methods: ['POST'], modules: ['writer'] });
        const expected = [];
        for (const write of WRITES)
            expected.push((await gateway.proxy('/', { method: 'POST', body: JSON.stringify(write) })).text);
        assert.match(expected[0], /^document default\/users\/7: data\/age must be integer$/);
        assert.match(expected[4], /^collection default\/wrong: schema\/type must be /);
        assert.match(expected[6], /limits\.schema_max/);
        assert.deepEqual([expected[3], expected[7]], ['stored', 'stored']);
        const got = tool.stderr.trim().split('\n').map((line) => line.replace('info a.test.ts: ', ''));
        assert.deepEqual(got, expected, tool.stdout + tool.stderr);
    } finally {
        await gateway.stop();
    }
});

test('fake documents must fit a schema that is given with them', async () => {
    const source = `import { documents, expect, it } from "dgate/test";
    const schema = ${USER_SCHEMA};
    it("stores what fits", async () => {
        await documents.put("users", { a: { age: 1 } }, { schema });
        await documents.put("users", { b: { age: 2 } });
        expect(await documents.all("users")).toEqual({ a: { age: 1 }, b: { age: 2 } });
    });
    it("fails", () => documents.put("users", { c: { age: 3 }, d: { age: "four" } }));
    it("keeps what is there when the schema changes", async () => {
        await documents.put("users", {}, { schema: { type: "string" } });
        expect(await documents.get("users", "a")).toEqual({ age: 1 });
        await expect(documents.put("users", { a: { age: 1 } })).rejects.toThrow("document default/users/a: data must be string");
    });
    it("fails for a wrong schema", () => documents.put("others", {}, { schema: { type: "text" } }));
    it("fails for a wrong option", () => documents.put("others", {}, { shema: 1 } as any));`;
    const { stdout, status } = await runIn({ 'a.test.ts': source }, 'test');
    const found = results(stdout);
    assert.deepEqual(names(found, true), ['stores what fits', 'keeps what is there when the schema changes'], stdout);
    assert.match(found.fails.block, /message: "document default\/users\/d: data\/age must be integer"\n {2}at: "a\.test\.ts:8:/);
    assert.match(found['fails for a wrong schema'].block, /collection default\/others: schema\/type must be equal to one of/);
    assert.match(found['fails for a wrong option'].block, /has no option \\"shema\\" \(allowed: schema\)/);
    assert.equal(status, 1);
});

test('a schema that takes too long fails what it is for', async () => {
    // Deeper and deeper for each $ref: longer than anybody waits.
    const schema = { $defs: {}, $ref: '#/$defs/d0' };
    for (let i = 0; i < 40; i++) schema.$defs[`d${i}`] = { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] };
    schema.$defs.d40 = { type: 'string' };
    const files = {
        'c.yaml': 'version: v1\nlimits:\n  validate_timeout_ms: 2000\n',
        'a.test.ts': `import { documents, it } from "dgate/test";
            it("is slow", () => documents.put("slow", { a: "b" }, { schema: ${JSON.stringify(schema)} }));
            it("comes after it", () => documents.put("slow", { a: "b" }));`,
        'b.test.ts': `import { documents, it } from "dgate/test";
            it("is in another file", () => documents.put("fast", { a: "b" }, { schema: { type: "string" } }));`,
    };
    const found = results((await runIn(files, 'test', '-c', 'c.yaml', '--timeout', '9000')).stdout);
    assert.match(found['is slow'].block, /document default\/slow\/a: validating it took too long \(limits\.validate_timeout_ms\)/);
    assert.match(found['comes after it'].block, /document default\/slow\/a: the schema cannot be applied: the compiler ended/);
    assert.equal(found['is in another file'].ok, true);
});

test('the tests of the documentation pass', async () => {
    const text = readFileSync('docs/modules/testing.md', 'utf8');
    const files = {};
    for (const [, source] of text.matchAll(/^```ts test\n([^]*?)^```/gm)) files[`${Object.keys(files).length}.test.ts`] = source;
    assert.ok(Object.keys(files).length > 0);
    const { stdout, status } = await runIn(files, 'test');
    assert.deepEqual(names(results(stdout), false), [], stdout);
    assert.equal(status, 0);
    assert.equal((await runIn(files, 'check')).stdout, '');
});

const POLLER = `import { put } from "dgate/storage";
    const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
    export async function requestHandler(ctx: any) {
        const what = ctx.query().get("what");
        const begun = performance.now();
        const times: number[] = [];
        const note = () => times.push(Math.round(performance.now() - begun));
        if (what === "spin") setTimeout(() => { for (;;); }, 1000);
        if (what === "leave") setInterval(() => put("left", Date.now()), 10);
        if (what === "poll")
            for (let status = 0; status !== 200; note()) {
                await sleep(60_000);
                status = (await fetch("http://job.example/")).status;
                await put("status", status);
            }
        if (what === "spin" || what === "hang") await sleep(2000);
        if (what === "ticks") {
            const every = setInterval(note, 100);
            const never = setTimeout(note, 150);
            setTimeout(() => clearTimeout(never), 140);
            await sleep(350);
            clearInterval(every);
        }
        ctx.response().json({ times, at: new Date() });
    }`;

test('fake timers', async () => {
    const source = `import { advanceTimersByTime, beforeEach, describe, expect, fakeFetch, it, route, runAllTimers, setSystemTime, storage, upstream, useFakeTimers, useRealTimers } from "dgate/test";
    import * as store from "dgate/storage";
    import * as poller from "./poller";
    const r = route(poller);
    const realDate = Date;
    const now = "2030-01-01T00:00:00.000Z";
    it("lets a module wait for minutes", async () => {
        useFakeTimers({ now });
        const statuses = [202, 202, 200];
        fakeFetch(() => statuses.shift());
        let done = false;
        const response = r.get("/?what=poll").then((y) => { done = true; return y; });
        await advanceTimersByTime(179_999);
        expect([done, statuses]).toEqual([false, [200]]);
        await advanceTimersByTime(1);
        expect(done).toBe(true);
        expect((await response).json()).toEqual({ times: [60_000, 120_000, 180_000], at: "2030-01-01T00:03:00.000Z" });
    });
    it("is over with the test", () => {
        expect(Date).toBe(realDate);
        expect(new Date().getFullYear()).toBeLessThan(2030);
        return new Promise((done) => setTimeout(done, 1));
    });
    it("fires in order, repeats and clears", async () => {
        useFakeTimers();
        const response = r.get("/?what=ticks");
        await runAllTimers();
        expect((await response).json().times).toEqual([100, 200, 300]);
        const order: string[] = [];
        setTimeout(() => order.push("c"), 20);
        setTimeout(() => { order.push("a"); setTimeout(() => order.push("b"), 5); }, 10);
        setTimeout(() => order.push("d"), 20);
        setImmediate(() => order.push("0"));
        await advanceTimersByTime(20);
        expect(order.join("")).toBe("0abcd");
    });
    it("ends timers with their request", async () => {
        useFakeTimers();
        await r.get("/?what=leave");
        await advanceTimersByTime(1000);
        expect(storage.get("left")).toBeUndefined();
    });
    it("moves through answers of fakes", async () => {
        useFakeTimers();
        const slow = upstream(async () => { await new Promise((done) => setTimeout(done, 500)); return String(Date.now()); });
        const through = route("./pass", { upstream: slow });
        const begun = Date.now();
        const response = through.get("/");
        await advanceTimersByTime(10_000);
        expect(Number((await response).text()) - begun).toBe(500);
        expect(Date.now() - begun).toBe(10_000);
    });
    it("has Date, performance and the store's ttl", async () => {
        useFakeTimers({ now });
        const begun = performance.now();
        expect([Date.now(), +new Date(), new Date("2020-02-02").getTime()]).toEqual([Date.parse(now), Date.parse(now), 1580601600000]);
        expect(new Date()).toBeInstanceOf(Date);
        expect(Date()).toMatch("2030");
        expect(Date.UTC(2020, 0)).toBe(1577836800000);
        await storage.put({ a: 1 }, { ttl: 60 });
        store.setCache("a", 1, { ttl: 60 });
        await advanceTimersByTime(59_000);
        expect([storage.get("a"), store.getCache("a"), performance.now() - begun]).toEqual([1, 1, 59_000]);
        await advanceTimersByTime(1_000);
        expect([storage.get("a"), store.getCache("a")]).toEqual([undefined, null]);
        await storage.put({ a: 1 }, { ttl: 60 });
        setSystemTime(new Date("2031-01-01"));
        expect([new Date().getFullYear(), storage.get("a"), performance.now() - begun]).toEqual([2031, undefined, 60_000]);
    });
    it("goes back to real time", async () => {
        useFakeTimers({ now: 0 });
        setTimeout(() => { throw new Error("never"); }, 1);
        useRealTimers();
        expect(Date.now()).toBeGreaterThan(1e12);
        await new Promise((done) => setTimeout(done, 5));
    });
    describe("before each", () => {
        beforeEach(() => useFakeTimers({ now: 5 }));
        it.each([1, 2])("begins anew %d", async () => {
            expect(Date.now()).toBe(5);
            await advanceTimersByTime(5);
        });
    });`;
    const files = { 'poller.ts': POLLER, 'pass.ts': 'export const requestModifier = async () => { await null; };', 'a.test.ts': source };
    await withFiles(files, async (folder) => {
        const { stdout, stderr, status } = await run(['test'], folder);
        assert.deepEqual(names(results(stdout), false), [], stdout + stderr);
        assert.equal(names(results(stdout), true).length, 9);
        assert.equal(status, 0);
        assert.equal((await run(['check', 'a.test.ts'], folder)).stdout.replace(/^poller.*\n/gm, ''), '');
    });
});

test('limits hold with fake timers', async () => {
    const source = `import { advanceTimersByTime, expect, it, route, useFakeTimers } from "dgate/test";
    import * as poller from "./poller";
    const r = route(poller);
    it("stops a timer of a module that spins", async () => {
        useFakeTimers();
        const response = r.get("/?what=spin");
        await advanceTimersByTime(1000);
        const { status, text } = await response.then((y) => ({ status: y.status, text: y.json().error }));
        expect([status, text]).toEqual([503, "a module used too much CPU time"]);
    });
    it("spins itself", async () => {
        useFakeTimers();
        setTimeout(() => { for (;;); }, 10);
        await advanceTimersByTime(10);
    });
    it("waits for ever", async () => { useFakeTimers(); await r.get("/?what=hang"); }, 100);
    it("passes the limit on calls", async () => { useFakeTimers(); await r.get("/?what=hang"); }, 60_000);
    it("passes it by moving", async () => {
        useFakeTimers();
        setInterval(() => undefined, 1);
        await advanceTimersByTime(1e12);
    }, 60_000);
    it("is after them", async () => { expect(Date.now()).toBeGreaterThan(1e12); await new Promise((done) => setTimeout(done, 1)); });`;
    const files = { 'poller.ts': POLLER, 'a.test.ts': source, 'c.yaml': 'version: v1\nlimits:\n  module_wall_ms: 1000\n' };
    const { stdout } = await runIn(files, 'test', '-c', 'c.yaml', '--timeout', '1000');
    const found = results(stdout);
    assert.deepEqual(names(found, true), ['stops a timer of a module that spins', 'is after them'], stdout);
    assert.match(found['spins itself'].block, /limits\.module_cpu_ms/);
    assert.match(found['waits for ever'].block, /did not end within 100 ms; its timers are fake, advanceTimersByTime\(\) makes them fire/);
    for (const name of ['passes the limit on calls', 'passes it by moving'])
        assert.match(found[name].block, /longer than 1000 ms \(limits\.module_wall_ms\)/);
});

test('fake timers refuse what makes no sense', async () => {
    const source = `import { advanceTimersByTime, beforeAll, describe, expect, it, runAllTimers, setSystemTime, useFakeTimers } from "dgate/test";
    let loading = "";
    try { useFakeTimers(); } catch (error: any) { loading = error.message; }
    it("while it is loaded", () => expect(loading).toMatch("call it there, or in beforeEach()"));
    describe("group", () => {
        beforeAll(() => useFakeTimers());
        it("before all", () => undefined);
    });
    it("without it", async () => {
        await expect(advanceTimersByTime(1)).rejects.toThrow("call useFakeTimers() first");
        await expect(runAllTimers()).rejects.toThrow("call useFakeTimers() first");
        expect(() => setSystemTime(1)).toThrow("call useFakeTimers() first");
    });
    it("wrong values", async () => {
        expect(() => useFakeTimers({ toFake: ["Date"] } as any)).toThrow('no option "toFake" (allowed: now)');
        expect(() => useFakeTimers({ now: "soon" })).toThrow("now takes a Date, milliseconds or a date as text, not soon");
        useFakeTimers();
        expect(() => setSystemTime(NaN)).toThrow("setSystemTime() takes a Date");
        for (const ms of [-1, NaN, Infinity, "1" as any]) await expect(advanceTimersByTime(ms)).rejects.toThrow("takes milliseconds");
        const first = advanceTimersByTime(1);
        await expect(advanceTimersByTime(1)).rejects.toThrow("await what moves it");
        await first;
    });
    it("an interval that never ends", async () => {
        useFakeTimers();
        setInterval(() => undefined, 10);
        await expect(runAllTimers()).rejects.toThrow("runAllTimers() made 10000 timers fire and there are more");
    });`;
    const { stdout } = await runIn({ 'a.test.ts': source }, 'test');
    const found = results(stdout);
    assert.deepEqual(names(found, false), ['group > before all'], stdout);
    assert.match(found['group > before all'].block, /call it there, or in beforeEach\(\)/);
});

test('storage, cache and secrets are there as in a server', async () => {
    const counter = `import * as storage from "dgate/storage";
    import { getSecret } from "dgate/state";
    export const requestHandler = async (ctx: any) => {
        if (ctx.query().get("key") !== getSecret("key")) return ctx.response().status(401).json({});
        ctx.response().json({ visits: await storage.increment("visits"), cached: storage.getCache("greeting") });
    };`;
    const source = `import { documents, expect, it, route, secrets, storage } from "dgate/test";
    import * as store from "dgate/storage";
    import { getSecret } from "dgate/state";
    import * as counter from "./counter";
    const gate = route(counter);
    it("is used by modules", async () => {
        await secrets.put("key", "k1");
        await storage.put({ visits: 6 });
        store.setCache("greeting", "hello");
        expect((await gate.get("/?key=k0")).status).toBe(401);
        expect((await gate.get("/?key=k1")).json()).toEqual({ visits: 7, cached: "hello" });
        expect(storage.get("visits")).toBe(7);
        await secrets.put("key", "k2");
        expect((await gate.get("/?key=k1")).status).toBe(401);
    });
    it("compares, lists and deletes", async () => {
        await storage.put({ "b/2": [2], "b/1": { n: 1 } });
        expect(store.list({ prefix: "b/", limit: 1 })).toEqual([{ key: "b/1", value: { n: 1 } }]);
        expect(storage.all("b/")).toEqual({ "b/1": { n: 1 }, "b/2": [2] });
        expect(await store.compareAndSet("b/2", [1], 3)).toBe(false);
        expect(await store.compareAndSet("b/2", [2], null)).toBe(true);
        expect(storage.get("b/2")).toBeUndefined();
        expect(await store.delete("b/1")).toBe(true);
        expect(await store.read("b/1")).toBeNull();
    });
    it("lets values expire", async () => {
        await storage.put({ soon: 1 }, { ttl: 0.05 });
        store.setCache("soon", 1, { ttl: 0.05 });
        while (storage.get("soon") !== undefined || store.getCache("soon") !== null)
            await new Promise((done) => setTimeout(done, 5));
        await storage.put({ later: 1 }, { ttl: 3600 });
        expect(storage.get("later")).toBe(1);
    });
    it("has the limits of a server", async () => {
        await expect(storage.put({ large: "x".repeat(2 ** 18) })).rejects.toThrow("storage key default/large: the value has 262146 bytes as JSON, more than 131072 (limits.storage_value_max)");
        await expect(storage.put({ ["x".repeat(256)]: 1 })).rejects.toThrow("a storage key has 1 to 255 bytes");
        await storage.put({ text: "x" });
        await expect(store.increment("text")).rejects.toThrow("storage key default/text does not hold a number");
        expect(() => store.setCache("large", "x".repeat(2 ** 17))).toThrow("limits.cache_value_max");
        await expect(secrets.put("", "x")).rejects.toThrow("name");
        await expect(secrets.put("key", 1 as any)).rejects.toThrow("takes a name and a text");
    });
    it("is cleared with the documents", async () => {
        await documents.clear();
        expect([storage.all(), store.getCache("greeting"), getSecret("key")]).toEqual([{}, null, null]);
        store.setCache("greeting", "again");
        expect(store.getCache("greeting")).toBe("again");
        expect(store.deleteCache("greeting")).toBe(true);
    });`;
    const files = { 'a.test.ts': source, 'counter.ts': counter };
    const { stdout } = await runIn(files, 'test');
    assert.deepEqual(names(results(stdout), false), [], stdout);
    assert.deepEqual(names(results(stdout), true).length, 5, stdout);
});

test('files that cannot be loaded are failures of their own', async () => {
    const files = {
        'a.test.ts': 'import { it } from "dgate/test";\nit("x", () => { let y = ; });',
        'b.test.ts': 'import { it } from "dgate/test";\nimport { z } from "./gone";\nit("x", () => z);',
        'c.test.ts': 'import { it } from "dgate/test";\nthrow new Error("at the top");',
        'd.test.ts': 'import { it } from "dgate/test";\nfor (;;);',
        'e.test.ts': 'import { it } from "dgate/test";\nit("works", () => undefined);',
    };
    const { stdout, status } = await runIn(files, 'test');
    const found = results(stdout);
    assert.match(found['a.test.ts'].block, /a\.test\.ts:2:25: Expression expected/);
    assert.match(found['b.test.ts'].block, /b\.test\.ts:2:19: there is no file for "\.\/gone"/);
    assert.match(found['c.test.ts'].block, /c\.test\.ts:2:16: Error: at the top/);
    assert.match(found['d.test.ts'].block, /d\.test\.ts: \(top-level code\) used more than its 100 ms of CPU time \(limit cpu\)/);
    for (const file of Object.keys(files).slice(0, 4)) assert.match(found[file].block, new RegExp(`\n {2}at: "${file}"\n[^]*\n {2}duration_ms: \\d+\n`));
    assert.deepEqual(names(found, true), ['works']);
    assert.equal(status, 1);
});

test('a file that costs the compiler does not fail the next', async () => {
    const test = 'import { it } from "dgate/test"; it("runs", () => undefined);';
    const files = {
        'a.test.ts': `${test}\nexport const a = [${'0,'.repeat(230000)}];`,
        'b.test.ts': test,
        'c.yaml': 'version: v1\nlimits:\n  compiler_memory_mb: 128\n',
    };
    const found = results((await runIn(files, 'test', '-c', 'c.yaml')).stdout);
    // Node.js 18 notices before it has no memory left.
    assert.match(found['a.test.ts'].block, /: (the compiler ended unexpectedly; it may need more memory|.* too large to compile)\n/);
    assert.equal(found.runs.ok, true);
});

test('check gives the diagnostics of TypeScript and of an upload', async () => {
    const files = {
        'good.ts': 'import type { Context } from "dgate";\nimport { half } from "./half";\nexport const requestHandler = (ctx: Context) => ctx.response().json(half(2));',
        'half.ts': 'export const half = (n: number): number => n / 2;',
        'good-patterns.ts': 'export const a = [/a.b/s, /(?<y>.)/, /a/d, /[a]/v];',
        'types.ts': 'import { half } from "./half";\nexport const x: string = half(1);\nexport const requestHandler = (ctx) => ctx;',
        'refused.js': 'exports.requestHandler = () => eval("1");',
        'nul.ts': 'export const a = 1;\nexport const b = "a\0b";',
        'missing.ts': 'import { a } from "./gone";\nexport const b = a;',
        'api.ts': 'import { sleep } from "dgate";\nexport const requestModifier = () => sleep(1);',
    };
    await withFiles(files, async (folder) => {
        const good = await run(['check', 'good.ts'], folder);
        assert.deepEqual([good.stdout, good.stderr, good.status], ['', '', 0]);
        const all = await run(['check'], folder);
        assert.match(all.stdout, /^types\.ts:2:14: error TS2322: Type 'number' is not assignable to type 'string'\.$/m);
        assert.match(all.stdout, /^types\.ts:3:32: error TS7006: Parameter 'ctx' implicitly has an 'any' type\.$/m);
        assert.match(all.stdout, /^refused\.js:1:32: error: eval\(\) is not available in modules$/m);
        assert.match(all.stdout, /^nul\.ts:2:20: error: a NUL character \(U\+0000\) is not allowed in a source/m);
        assert.match(all.stdout, /^missing\.ts:1:19: error: there is no file for "\.\/gone"$/m);
        assert.match(all.stdout, /^api\.ts:1:10: error: sleep\(\) would block the worker/m);
        assert.doesNotMatch(all.stdout, /good|half/);
        assert.match(all.stderr, /\d+ problems/);
        assert.equal(all.status, 1);
        assert.equal((await run(['check', 'gone.ts'], folder)).status, 1);
    });
});

test('check knows all modules that are built in', async () => {
    const made = 'import { Buffer } from "$buffer";\nimport c from "$console";\nimport { domainToASCII, URL } from "$url";\nimport { format } from "$util";\n' +
        'export const requestHandler = (): Response => { c.log(new URL("http://a/").href); return new Response(format(domainToASCII("a"), Buffer.alloc(1))); };';
    const files = {
        'plain.ts': made.replaceAll('$', ''),
        'node.ts': made.replaceAll('$', 'node:'),
        'wrong.ts': 'import { format } from "util";\nimport { log } from "console";\nexport const n: number = format("a");\nexport const s: string = log("a");',
        'gone.ts': 'import { parse } from "url";\nexport const p = parse;',
    };
    const { stdout } = await runIn(files, 'check');
    assert.deepEqual(stdout.trim().split('\n').map((line) => line.split(': error')[0]).sort(), ['gone.ts:1:10', 'wrong.ts:3:14', 'wrong.ts:4:14'], stdout);
});

test('the examples have no type errors', async () => {
    const { stdout, status } = await run(['check', 'examples']);
    assert.equal(stdout, '');
    assert.equal(status, 0);
});

test('the examples of the documentation have no type errors', async () => {
    const pages = [resolve('docs/modules.md'), ...readdirSync('docs/modules').map((name) => resolve('docs/modules', name))];
    const files = {};
    for (const page of pages)
        for (const [, type, text] of readFileSync(page, 'utf8').matchAll(/^```(ts|js) example(?: path=\S+)?\n([^]*?)^```/gm))
            files[`${basename(page, '.md')}-${Object.keys(files).length}.${type}`] = text;
    assert.ok(Object.keys(files).length > 0);
    const { stdout, status } = await runIn(files, 'check');
    assert.equal(stdout, '');
    assert.equal(status, 0);
});

test('the types work as a package', async () => {
    const options = {
        target: 'es2022',
        module: 'esnext',
        moduleResolution: 'bundler',
        lib: ['es2023'],
        types: ['@dgate/types'],
        strict: true,
        noEmit: true,
    };
    const files = {
        'tsconfig.json': JSON.stringify({ compilerOptions: options, include: ['*.ts'] }),
        'good.ts': 'import type { Context } from "dgate";\nexport const requestHandler = (ctx: Context): void => void ctx.response().json({});',
        'good.test.ts': 'import { expect, it, route } from "dgate/test";\nit("x", async () => expect((await route("./good").get("/")).status).toBe(200));',
        'bad.ts': 'import type { Context } from "dgate";\nexport const requestHandler = (ctx: Context): number => ctx.request().method;',
    };
    await withFiles(files, async (folder) => {
        mkdirSync(join(folder, 'node_modules/@dgate'), { recursive: true });
        symlinkSync(resolve('js/types'), join(folder, 'node_modules/@dgate/types'));
        const tsc = spawnSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' });
        assert.match(tsc.stdout, /^\S*bad\.ts\(2,57\): error TS2322: Type 'string' is not assignable to type 'number'\.\n$/);
    });
});

test('run makes one request', async () => {
    const files = {
        'mod.ts': `export async function requestHandler(ctx: any) {
            console.log("asked for", ctx.pathParam("id"));
            const body = ctx.request().method === "POST" ? await ctx.request().readJson() : null;
            ctx.response().status(201).json({ id: ctx.pathParam("id"), own: ctx.request().headers.get("x-own"), body });
        }`,
        'broken.ts': 'export const requestHandler = () => {\n    throw new Error("nothing works");\n};',
        'syntax.ts': 'export const = 1;',
        'body.json': '{"from":"file"}',
    };
    await withFiles(files, async (folder) => {
        const got = await run(['run', 'mod.ts', '-r', 'GET /things/42', '--param', 'id=42', '-H', 'X-Own: 1'], folder);
        assert.match(got.stdout, /^HTTP\/1\.1 201 Created\n/);
        assert.match(got.stdout, /^Content-Type: application\/json$/m);
        assert.match(got.stdout, /\n\n\{"id":"42","own":"1","body":null\}$/);
        assert.match(got.stderr, /^info mod\.ts: asked for 42$/m);
        assert.equal(got.status, 0);
        const posted = await run(['run', 'mod.ts', '--body', '@body.json'], folder);
        assert.match(posted.stdout, /"body":\{"from":"file"\}/);
        const broken = await run(['run', 'broken.ts'], folder);
        assert.match(broken.stdout, /^HTTP\/1\.1 500 /);
        assert.match(broken.stderr, /broken\.ts:2:20: Error: nothing works/);
        assert.equal(broken.status, 1);
        const syntax = await run(['run', 'syntax.ts'], folder);
        assert.match(syntax.stderr, /^syntax\.ts:1:\d+: /m);
        assert.deepEqual([syntax.stdout, syntax.status], ['', 1]);
    });
});

test('run forwards to a real upstream, and has collections', async () => {
    await withUpstream((req, res) => res.end(`upstream got ${req.url} ${req.headers['x-seen']}`), async (url) => {
        const files = {
            'mod.js': 'exports.requestModifier = (ctx) => ctx.request().headers.set("X-Seen", "yes");',
            'state.ts': `import { addDocument } from "dgate/state";
            export const requestHandler = async (ctx: any) => ctx.response().json((await addDocument({ id: "a", collection: "c", data: 1 })).id);`,
        };
        await withFiles(files, async (folder) => {
            const got = await run(['run', 'mod.js', '--upstream', url, '--request', 'GET /a?b=c'], folder);
            assert.match(got.stdout, /\n\nupstream got \/a\?b=c yes$/);
            assert.equal(got.status, 0);
            const dead = await run(['run', 'mod.js', '--upstream', 'http://127.0.0.1:1'], folder);
            assert.match(dead.stdout, /^HTTP\/1\.1 502 /);
            assert.equal(dead.status, 1);
            const stored = await run(['run', 'state.ts', '--collection', 'c'], folder);
            assert.match(stored.stdout, /\n\n"a"$/);
            writeFileSync(join(folder, 'schema.json'), '{"type":"string"}');
            const refused = await run(['run', 'state.ts', '--collection', 'c=@schema.json'], folder);
            assert.match(refused.stderr, /document default\/c\/a: data must be string/);
            assert.equal(refused.status, 1);
            writeFileSync(join(folder, 'schema.json'), '{"type":"text"}');
            const wrong = await run(['run', 'state.ts', '--collection', 'c=@schema.json'], folder);
            assert.match(wrong.stderr, /--collection c: collection default\/c: schema\/type must be/);
            assert.deepEqual([wrong.stdout, wrong.status], ['', 1]);
        });
    });
});

test('run has secrets, a storage and a cache', async () => {
    const source = `import { getSecret } from "dgate/state";
    import { getCache, increment, setCache } from "dgate/storage";
    export const requestHandler = async (ctx: any) => {
        setCache("a", getSecret("api"));
        ctx.response().json([getCache("a"), getSecret("gone"), await increment("n", 2)]);
    };`;
    await withFiles({ 'mod.ts': source }, async (folder) => {
        const got = await run(['run', 'mod.ts', '--secret', 'api=a=b', '--secret', 'x=y'], folder);
        assert.match(got.stdout, /\n\n\["a=b",null,2\]$/);
        for (const wrong of ['hidden', '=hidden', 'api=']) {
            const { stdout, stderr, status } = await run(['run', 'mod.ts', '--secret', wrong], folder);
            assert.deepEqual([stdout, status], ['', 2]);
            assert.match(stderr, /--secret takes NAME=VALUE/);
            assert.doesNotMatch(stderr, /hidden/);
        }
        const long = await run(['run', 'mod.ts', '--secret', `${'n'.repeat(101)}=v`], folder);
        assert.match(long.stderr, /--secret n+: name: /);
        assert.deepEqual([long.stdout, long.status], ['', 1]);
    });
});

test('bench measures each function and an empty one', async () => {
    const files = {
        'mod.ts': `export const requestModifier = (ctx: any) => ctx.request().headers.set("X-A", "1");
            export async function responseModifier(ctx: any) { await ctx.upstream().readJson(); }
            export const requestHandler = async (ctx: any) => { await new Promise((d) => setTimeout(d, 1)); ctx.response().json({}); };`,
        'broken.ts': 'export const requestHandler = () => {\n    throw new Error("nothing works");\n};',
        'none.ts': 'export const x = 1;',
    };
    await withFiles(files, async (folder) => {
        const { stdout, status } = await run(['bench', 'mod.ts', '--seconds', '1'], folder);
        const rows = stdout.trim().split('\n').map((line) => /^(\S+|\(empty function\)) +(\d+) ns +(sync|async) +\d+ batches of \d+$/.exec(line));
        assert.deepEqual(rows.map((row) => row?.[1]), ['(empty function)', 'requestModifier', 'responseModifier', 'requestHandler'], stdout);
        assert.equal(rows[0][3], 'sync');
        assert.equal(rows[3][3], 'async');
        for (const row of rows) assert.ok(Number(row[2]) > 0, stdout);
        assert.equal(status, 0);
        const broken = await run(['bench', 'broken.ts'], folder);
        assert.match(broken.stderr, /broken\.ts:2:20: Error: nothing works/);
        assert.equal(broken.status, 1);
        const none = await run(['bench', 'none.ts'], folder);
        assert.match(none.stderr, /exports none of the functions/);
        assert.equal(none.status, 1);
    });
});

test('wrong usage is refused with what is allowed', async () => {
    const cases = [
        [[], /a command is missing \(allowed: test, check, run, bench, --help, --version\)/],
        [['tset'], /unknown command tset \(allowed: test, check, run, bench/],
        [['test', '--gerp', 'x'], /unknown option --gerp \(allowed: --grep, --timeout, --config, --help\)/],
        [['test', '--grep'], /--grep takes a value: --grep TEXT/],
        [['test', '--timeout', 'soon'], /--timeout takes a whole number from 1 to 600000, not soon/],
        [['test', '--timeout=0'], /--timeout takes a whole number from 1/],
        [['check', '--strict'], /unknown option --strict \(allowed: --config, --help\)/],
        [['run'], /a FILE is missing/],
        [['run', 'x.ts', '--request', 'GET'], /--request takes "METHOD \/PATH"/],
        [['run', 'x.ts', '--header', 'no colon'], /--header takes "NAME: VALUE"/],
        [['run', 'x.ts', '--param', 'id'], /--param takes NAME=VALUE/],
        [['run', 'x.ts', '--param', 'id=7'], /--param id: no segment of the path is "7"/],
        [['run', 'x.ts', '--collection', 'c=schema.json'], /--collection takes NAME or NAME=@FILE, not "c=schema\.json"/],
        [['run', 'x.ts', '--collection', 'c=@gone'], /--collection c=@gone: .*No such file/],
        [['run', 'x.ts', '--body', '@gone'], /--body @gone: No such file/],
        [['bench', 'a.ts', 'b.ts'], /it takes one FILE/],
        [['bench', 'a.ts', '--seconds', '0'], /--seconds takes a whole number from 1 to 600, not 0/],
    ];
    for (const [args, message] of cases) {
        const { stdout, stderr, status } = await run(args);
        assert.match(stderr, message);
        assert.deepEqual([stdout, status], ['', 2], args.join(' '));
    }
    for (const command of [[], ['test'], ['check'], ['run'], ['bench']]) {
        const { stdout, status } = await run([...command, '--help']);
        assert.match(stdout, /^usage: dgate-runtime /);
        assert.equal(status, 0);
    }
    assert.match((await run(['--version'])).stdout, /^dgate-runtime \d+\.\d+\.\d+\n$/);
});
