import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Gateway, SERVER, temporaryDirectory, withGateway } from './lib/gateway.mjs';

const dir = temporaryDirectory();
test.after(() => rmSync(dir, { recursive: true, force: true }));

function check(text, { name = 'c.yaml', env = {}, args } = {}) {
    const file = join(dir, name);
    writeFileSync(file, text);
    return spawnSync(SERVER, args ?? ['-c', file, '--check'], { encoding: 'utf8', cwd: dir, timeout: 20000, env: { ...process.env, ...env } });
}

// What it prints is the log: times and levels at the front.
test('--check validates resources as a start would, on the state as it is', async () => {
    const data = join(dir, 'checked');
    const resources = (extra) => `
storage: { type: file, dir: ${data} }
proxy:
  init_resources:
    services: [{ name: s, urls: ["http://127.0.0.1:1"] }]
    modules: [{ name: m, payloadRaw: "export const requestHandler = (ctx: any) => ctx.response().send('x');" }]
    routes:
      - { name: r, paths: [/r], methods: [GET], service: s, modules: [m] }
${extra}`;
    assert.equal(check(resources('')).status, 0);
    assert.equal(existsSync(data), false);
    const wrong = check(resources(`      - { name: q, paths: [/q], methods: [GET], service: other }
      - { name: p, paths: [/p], methods: [GET], modules: [m, none] }`));
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /routes\[1\]\.service: service not found: other/);
    assert.match(wrong.stderr, /routes\[2\]\.modules\[1\]: module not found: none/);
    const broken = check(resources('').replace('=> ctx', '=>> ctx'));
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /modules\[0\]\.payload: line 1, column \d+/);

    // A service that the admin API made is there for the file's routes, also while the server runs.
    await withGateway({ storage: { type: 'file', dir: data } }, async (gateway) => {
        await gateway.put('service', { name: 'other', urls: ['http://127.0.0.1:1'] });
        const route = resources('      - { name: q, paths: [/q], methods: [GET], service: other }');
        assert.equal(check(route).status, 0);
        assert.equal((await gateway.admin('GET', '/api/v1/route/q')).status, 404);
    });
});

test('--check accepts YAML and JSON', () => {
    assert.equal(check('version: v1\n').status, 0);
    assert.equal(check('{"version": "v1"}', { name: 'c.json' }).status, 0);
});

test('wrong input is named with file, line and key', () => {
    const rows = [
        ['proxy:\n  port: high\n', /c\.yaml:2: .*proxy\.port/],
        ['proxy:\n  port: 70000\n', /c\.yaml:2: .*proxy\.port/],
        ['log_level: loud\n', /c\.yaml:1: .*log_level/],
        ['storage:\n  type: paper\n', /c\.yaml:2: .*storage\.type.*file/],
        ['a: [\n', /c\.yaml:/],
        ['admin:\n  host: 0.0.0.0\n  port: 9080\n', /admin.*(auth_method|allow_list)/],
        ['admin:\n  auth_method: jwt\n', /admin\.auth_method/],
        ['admin:\n  allow_list: [300.1.2.3]\n', /admin\.allow_list/],
        ['proxy:\n  tls:\n    port: 443\n', /proxy\.tls/],
        ['proxy:\n  port: ${NOT_SET_ANYWHERE}\n', /c\.yaml:2: .*proxy\.port.*NOT_SET_ANYWHERE/],
        ['limits:\n  header_max: -1\n', /limits\.header_max/],
        ['proxy:\n  init_resources:\n    routes:\n      - name: r\n        namespace: default\n        paths: [x]\n        methods: [GET]\n', /init_resources\.routes\[0\]\.paths\[0\]/],
        ['proxy:\n  init_resources:\n    modules:\n      - name: m\n        namespace: default\n        payloadFile: not/there.ts\n', /not\/there\.ts/],
    ];
    for (const [text, expected] of rows) {
        const result = check(text);
        assert.equal(result.status, 1, text);
        assert.match(result.stderr, expected);
    }
});

test('all problems are named at once', () => {
    const { stderr } = check('log_level: loud\nproxy:\n  port: high\nstorage:\n  type: paper\n');
    for (const key of ['log_level', 'proxy.port', 'storage.type']) assert.ok(stderr.includes(key), key);
});

test('unknown keys are warnings with their line', () => {
    const result = check('version: v1\nproxy:\n  prot: 80\n');
    assert.equal(result.status, 0);
    assert.match(result.stdout + result.stderr, /c\.yaml:3: .*proxy\.prot/);
});

test('TOML is refused with a hint, a missing file is an error', () => {
    assert.match(check('version = "v1"', { name: 'c.toml' }).stderr, /TOML is not read; convert/);
    assert.equal(check('', { args: ['-c', join(dir, 'absent.yaml'), '--check'] }).status, 1);
});

test('variables: defaults, empty values, no injection', async () => {
    const text = 'version: v1\nproxy:\n  port: ${P:-8085}\n';
    assert.equal(check(text).status, 0);
    assert.equal(check(text, { env: { P: '' } }).status, 0);
    assert.equal(check(text, { env: { P: '70000' } }).status, 1);
    const injected = check('storage:\n  dir: ${V}\n', { env: { V: 'x\nproxy:\n  port: 70000' } });
    assert.equal(injected.status, 0);
});

test('the search order finds a file, and DG_CONFIG_PATH beats it', () => {
    writeFileSync(join(dir, 'config.dgate.yaml'), 'log_level: loud\n');
    assert.match(check('', { args: ['--check'], env: { DG_CONFIG_PATH: '' } }).stderr, /config\.dgate\.yaml:1/);
    writeFileSync(join(dir, 'other.yaml'), 'version: v1\n');
    assert.match(check('', { args: ['--check'], env: { DG_CONFIG_PATH: join(dir, 'other.yaml') } }).stdout, /other\.yaml: ok/);
});

test('log_json writes one JSON object a line', async () => {
    await withGateway({ log_json: true }, async (gateway) => {
        const lines = gateway.log.trim().split('\n').map((line) => JSON.parse(line));
        assert.ok(lines.every((line) => line.time && line.level && line.msg));
    }).catch((error) => {
        throw error;
    });
});

test('basic and key authentication and the allow list guard the admin API', async () => {
    await withGateway({ admin: { auth_method: 'basic', basic_auth: { users: [{ username: 'u', password: 'p:w' }] } } }, async (gateway) => {
        const none = await gateway.admin('GET', '/api/v1/route');
        assert.equal(none.status, 401);
        assert.match(none.headers['www-authenticate'], /^Basic realm=/);
        assert.equal((await gateway.admin('GET', '/api/v1/route', undefined, { auth: 'u:wrong' })).status, 401);
        assert.equal((await gateway.admin('GET', '/api/v1/route', undefined, { auth: 'u:p:w' })).status, 200);
    });
    await withGateway({ admin: { auth_method: 'key', key_auth: { keys: ['k1', 'k2'] } } }, async (gateway) => {
        assert.equal((await gateway.admin('GET', '/api/v1/route')).status, 401);
        assert.equal((await gateway.admin('GET', '/api/v1/route', undefined, { headers: { 'X-DGate-Key': 'k2' } })).status, 200);
        assert.equal((await gateway.admin('GET', '/api/v1/route', undefined, { headers: { 'X-DGate-Key': 'k' } })).status, 401);
    });
    await withGateway({ admin: { allow_list: ['10.0.0.0/8'] } }, async (gateway) => {
        const refused = await gateway.admin('GET', '/api/v1/route');
        assert.equal(refused.status, 403);
        assert.equal(refused.json.success, false);
    });
});
