import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { BIN, Gateway, SERVER, childrenOf, request, until, withUpstream } from './lib/gateway.mjs';
import { Load } from './lib/load.mjs';
import { echoUpgrade, echoes, openTunnel } from './lib/tunnel.mjs';

const BUILD = dirname(BIN);
const NEXT = join(BUILD, 'next', 'dgate-server-next');

// The same program with another version text: only linked anew.
test.before(() => {
    const made = spawnSync('cmake', ['--build', BUILD, '--target', 'dgate-server-next'], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stdout + made.stderr);
    assert.ok(statSync(NEXT).isFile());
});

const versionOf = (program) => spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim().split(' ')[1];

// As a package manager does it: the new file takes the name of the old one, which lives on in the processes.
function install(gateway, program) {
    const temporary = `${gateway.program}.new`;
    copyFileSync(program, temporary);
    chmodSync(temporary, 0o755);
    renameSync(temporary, gateway.program);
}

function installScript(gateway, text) {
    const temporary = `${gateway.program}.new`;
    writeFileSync(temporary, text, { mode: 0o755 });
    renameSync(temporary, gateway.program);
}

// A gateway whose program is a copy of its own, that may be replaced.
async function withOwnProgram(config, fn) {
    const gateway = new Gateway(config);
    gateway.program = join(gateway.dir, 'dgate-server');
    gateway.options.command = [gateway.program];
    copyFileSync(SERVER, gateway.program);
    try {
        await gateway.start();
        return await fn(gateway);
    } catch (error) {
        error.message += `\n--- log ---\n${gateway.log.slice(-6000)}`;
        throw error;
    } finally {
        await gateway.remove();
    }
}

async function upgrade(gateway, pattern = /upgraded from \S+ to \S+: control and 2 workers replaced/) {
    const at = gateway.log.length;
    gateway.child.kill('SIGUSR2');
    await until(`the log says ${pattern}`, () => pattern.test(gateway.log.slice(at)), 30000);
    return gateway.log.slice(at);
}

const version = async (gateway) => (await gateway.admin('GET', '/')).headers['x-dgate-version'];

async function addRoute(gateway, url) {
    await gateway.put('service', { name: 's', urls: [url] });
    await gateway.put('route', { name: 'r', paths: ['/*'], methods: ['GET'], service: 's' });
}

test('an upgrade under load keeps the process, the state and every request', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url, upstream) => {
        upstream.on('upgrade', echoUpgrade);
        await withOwnProgram({ limits: { replace_grace_ms: 4000 } }, async (gateway) => {
            await addRoute(gateway, url);
            const [old, next] = [versionOf(SERVER), versionOf(NEXT)];
            assert.notEqual(old, next);
            assert.match(await version(gateway), new RegExp(`^${old}$`));
            const pid = gateway.supervisorPid;
            const before = gateway.children().map((c) => c.pid);
            const tunnel = await openTunnel(gateway.proxyPort);
            const load = new Load(`${gateway.proxyUrl}/`, { check: (a) => a.status === 200 && a.text === 'ok' });
            const admin = new Load(`${gateway.adminUrl}/api/v1/route`, { kept: 1, fresh: 1 });
            await load.more(100);

            install(gateway, NEXT);
            const log = await upgrade(gateway);
            assert.match(log, new RegExp(`upgrading from ${old} to ${next}`));
            assert.match(log, new RegExp(`upgraded from ${old} to ${next}: control and 2 workers replaced`));
            assert.equal(gateway.exit, undefined);
            assert.equal(await version(gateway), next);
            await echoes(tunnel, 'still');
            await load.more(100);
            await gateway.put('route', { name: 'r2', paths: ['/two'], methods: ['GET'], service: 's' });
            assert.equal((await gateway.proxy('/two')).text, 'ok');

            // And again, to see that an upgraded one can be upgraded. It waits for the tunnel.
            install(gateway, SERVER);
            const second = await upgrade(gateway);
            assert.match(second, new RegExp(`upgraded from ${next} to ${old}`));
            await tunnel.end();
            assert.equal(await version(gateway), old);
            await load.more(100);
            assert.deepEqual(await load.stop(), []);
            assert.deepEqual(await admin.stop(), []);
            assert.equal((await gateway.admin('GET', '/api/v1/route/r2')).status, 200);
            await until('the old processes are gone', () => childrenOf(pid).filter((c) => c.role !== '').length === 3);
            for (const c of gateway.children()) assert.ok(!before.includes(c.pid));
            assert.doesNotMatch(gateway.log, /is lost|starting it again/);
            tunnel.close();

            gateway.child.kill('SIGTERM');
            assert.deepEqual(await gateway.exited, { code: 0, signal: null });
            await assert.rejects(request(`${gateway.proxyUrl}/`, { timeout: 1000 }), { code: 'ECONNREFUSED' });
        });
    });
});

test('what cannot take over is refused and all goes on', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withOwnProgram({}, async (gateway) => {
            await addRoute(gateway, url);
            const pids = gateway.children().map((c) => c.pid);
            const rows = [
                ['#!/bin/sh\necho broken beyond repair >&2\nexit 1\n', /the new program: broken beyond repair[^]*ended with exit status 1/],
                ['#!/bin/sh\nexit 0\n', /does not say which versions it can take over from/],
                ['#!/bin/sh\necho dgate-upgrade 1000 1001 9.9.9\n', /\(9\.9\.9\) cannot take over from this version: a restart is needed/],
                ['#!/bin/sh\nif [ "$1" = --upgrade-version ]; then echo dgate-upgrade 1 1 9.9.9; exit 0; fi\necho "$3:1: no such key"; exit 1\n',
                    /the new program: \S+dgate\.json:1: no such key[^]*--check ended with exit status 1/],
                ['#!/bin/sh\nkill -9 $$\n', /ended with signal 9/],
                ['no program\n', /no upgrade/],
                // It passes the checks and cannot be executed then: a script whose interpreter is gone.
                ['#!INTERPRETER\n', /no upgrade, version \S+ goes on: \S+dgate-server: /],
            ];
            const load = new Load(`${gateway.proxyUrl}/`);
            for (const [text, expected] of rows) {
                const interpreter = join(gateway.dir, 'interpreter');
                // Removes itself with the second question, so that the execve() after it fails.
                writeFileSync(interpreter, `#!/bin/sh\ncase "$2" in --upgrade-version) echo dgate-upgrade 1 1 9.9.9;; *) rm "$0";; esac\n`, { mode: 0o755 });
                installScript(gateway, text.replace('INTERPRETER', interpreter));
                const log = await upgrade(gateway, /no upgrade, version \S+ goes on: .*\n/);
                assert.match(log, expected);
            }
            await load.more(50);
            assert.deepEqual(await load.stop(), []);
            assert.deepEqual(gateway.children().map((c) => c.pid), pids);
            install(gateway, NEXT);
            await upgrade(gateway);
            assert.equal(await version(gateway), versionOf(NEXT));
        });
    });
});

test('a configuration that is bad by now stops the upgrade', async () => {
    await withOwnProgram({}, async (gateway) => {
        writeFileSync(gateway.file, '{\n"log_level": "loud"}');
        const log = await upgrade(gateway, /no upgrade, version \S+ goes on: .*\n/);
        assert.match(log, /the new program: dgate-server: \S+dgate\.json:2: log_level/);
        assert.equal((await gateway.admin('GET', '/readyz')).status, 200);
    });
});

test('an upgrade takes a changed configuration with it', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withOwnProgram({ proxy: { global_headers: { 'X-Version': 'one' } } }, async (gateway) => {
            await addRoute(gateway, url);
            gateway.config.proxy.global_headers['X-Version'] = 'two';
            gateway.config.workers = 3;
            writeFileSync(gateway.file, JSON.stringify(gateway.config));
            const log = await upgrade(gateway);
            assert.match(log, /workers needs a restart: it stays 2, the file says 3/);
            for (let i = 0; i < 10; i++) assert.equal((await gateway.proxy('/')).headers['x-version'], 'two');
        });
    });
});

test('a second SIGUSR2 during the checks is ignored with a line', async () => {
    await withOwnProgram({}, async (gateway) => {
        gateway.child.kill('SIGUSR2');
        await until('it checks', () => /checking \S+ \(SIGUSR2\)/.test(gateway.log));
        gateway.child.kill('SIGUSR2');
        gateway.child.kill('SIGUSR1');
        await until('the second is ignored', () => /SIGUSR2: ignored, one is under way/.test(gateway.log));
        await until('the first is done', () => /upgraded from/.test(gateway.log), 30000);
        await until('the old processes ended', () => gateway.children().length === 3);
        assert.equal((await gateway.admin('GET', '/readyz')).status, 200);
        assert.equal(gateway.exit, undefined);
    });
});

test('a child that dies after an upgrade is replaced', async () => {
    await withOwnProgram({}, async (gateway) => {
        install(gateway, NEXT);
        await upgrade(gateway);
        const [control] = gateway.children('control');
        process.kill(control.pid, 'SIGKILL');
        await until('a new control', () => gateway.children('control').some((c) => c.pid !== control.pid));
        await until('it is ready', async () => (await gateway.admin('GET', '/readyz')).status === 200);
        assert.equal(await version(gateway), versionOf(NEXT));
    });
});

test('kill -9 of an upgraded supervisor ends all children, old ones too', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url, upstream) => {
        upstream.on('upgrade', echoUpgrade);
        await withOwnProgram({}, async (gateway) => {
            await addRoute(gateway, url);
            const tunnel = await openTunnel(gateway.proxyPort);
            install(gateway, NEXT);
            await upgrade(gateway);
            const children = gateway.children().map((c) => c.pid);
            assert.equal(children.length, 4); // with the one that has the tunnel
            gateway.child.kill('SIGKILL');
            await gateway.exited;
            await until('all are gone', () => children.every((pid) => {
                try {
                    process.kill(pid, 0);
                    return false;
                } catch {
                    return true;
                }
            }));
            tunnel.close();
        });
    });
});
