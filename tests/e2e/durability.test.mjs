// kill -9 leaves the page cache, so it cannot show that data was synced: a preloaded shim (shim/fail_sync.c) records the
// order of syncs and answers, and makes writes and syncs fail.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { Gateway, temporaryDirectory, until } from './lib/gateway.mjs';

const dir = temporaryDirectory();
const library = join(dir, 'fail_sync.so');
const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', resolve('tests/e2e/shim/fail_sync.c'), '-o', library, '-ldl'], { encoding: 'utf8' });
test.after(() => rmSync(dir, { recursive: true, force: true }));

async function withShim(fn) {
    assert.equal(built.status, 0, built.stderr);
    const home = temporaryDirectory();
    const shim = join(home, 'shim');
    mkdirSync(shim);
    const gateway = new Gateway({}, { dir: home, env: { LD_PRELOAD: library, DGATE_SHIM_DIR: shim } });
    const rule = (text) => {
        writeFileSync(join(shim, 'new'), text);
        renameSync(join(shim, 'new'), join(shim, 'fail'));
    };
    try {
        await gateway.start();
        await gateway.put('collection', { name: 'c' });
        await fn(gateway, shim, rule, home);
    } catch (error) {
        error.message += `\n--- log ---\n${gateway.log.slice(-4000)}`;
        throw error;
    } finally {
        await gateway.stop();
        rmSync(home, { recursive: true, force: true });
    }
}

const write = (gateway, id, value) => gateway.admin('PUT', `/api/v1/document/${id}?collection=c`, { value });
const read = (gateway, id) => gateway.admin('GET', `/api/v1/document/${id}?collection=c`);

test('no answer leaves before the sync that covers it', async () => {
    await withShim(async (gateway, shim) => {
        writeFileSync(join(shim, 'log'), '');
        const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => write(gateway, `d${i}`, i)));
        for (let i = 0; i < 8; i++) answers.push(await write(gateway, `s${i}`, i));
        assert.ok(answers.every((a) => a.status === 201));
        const [control] = gateway.children('control');
        const events = readFileSync(join(shim, 'log'), 'utf8').trim().split('\n').map((line) => line.split(' '))
            .map(([sequence, , pid, event, result, , ...what]) => ({ sequence: Number(sequence), pid: Number(pid), event, result, what: what.join(' ') }))
            .filter((e) => e.pid === control.pid).sort((a, b) => a.sequence - b.sequence);
        const sent = events.filter((e) => e.event === 'send' && e.what.startsWith('HTTP/1.1 201'));
        assert.ok(sent.length >= 9, `${sent.length} answers seen`);
        // Between an answer and the one before it in time that came from another commit there is data that was written, and every
        // write before an answer has a successful sync after it and before the answer.
        for (const answer of sent) {
            const before = events.filter((e) => e.sequence < answer.sequence);
            const lastMeta = before.filter((e) => e.event === 'meta' && e.result === '0').at(-1);
            const lastSync = before.filter((e) => e.event === 'sync' && e.result === '0').at(-1);
            assert.ok(lastMeta && lastSync, 'a commit was written and synced');
        }
        // One after the other: each answer has a commit of its own between it and the answer before.
        const serial = sent.slice(-8);
        for (let i = 1; i < serial.length; i++) {
            const between = events.filter((e) => e.sequence > serial[i - 1].sequence && e.sequence < serial[i].sequence);
            assert.ok(between.some((e) => e.event === 'sync' && e.result === '0'), 'synced');
            assert.ok(between.some((e) => e.event === 'meta' && e.result === '0'), 'committed');
        }
    });
});

for (const [rule, status] of [['sync EIO', 500], ['sync ENOSPC', 507], ['write ENOSPC', 507], ['write EIO', 500], ['meta EIO', 500]]) {
    test(`${rule}: the answer is ${status}, nothing changes, and the next start is clean`, async () => {
        await withShim(async (gateway, shim, setRule) => {
            assert.equal((await write(gateway, 'a', 1)).status, 201);
            setRule(`${rule}\n`);
            const refused = await write(gateway, 'a', 2);
            assert.equal(refused.status, status, refused.text);
            assert.equal(refused.json.success, false);
            const fresh = await write(gateway, 'b', 2);
            assert.equal(fresh.status, status, fresh.text);
            rmSync(join(shim, 'fail'));
            await until('it writes again', async () => (await write(gateway, 'c', 3)).status < 300);
            assert.equal((await read(gateway, 'a')).json.data.data.value, 1);
            assert.equal((await read(gateway, 'b')).status, 404);
            await gateway.killAll();
            const again = new Gateway(gateway.config, { dir: gateway.dir });
            await again.start();
            try {
                assert.equal((await read(again, 'a')).json.data.data.value, 1);
                assert.equal((await read(again, 'b')).status, 404);
                assert.equal((await read(again, 'c')).json.data.data.value, 3);
                assert.equal((await write(again, 'd', 4)).status, 201);
            } finally {
                await again.stop();
            }
        });
    });
}
