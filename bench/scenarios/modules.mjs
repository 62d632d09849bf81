// Modules: beside Lua and njs in nginx, and what they add to a request of the gateway.
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { compare, median, RUNS, sleep } from '../lib/measure.mjs';
import { addDifference, addLoad, addRatio, addValue } from '../lib/report.mjs';
import { CONFIGS, module, startGateway, startModulesNginx } from '../lib/sides.mjs';

const base64url = (data) => Buffer.from(data).toString('base64url');

function token() {
    const text = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url('{"sub":"bench","exp":4102444800}')}`;
    return `${text}.${createHmac('sha256', 'a secret of the benchmark').update(text).digest('base64url')}`;
}

const json = { args: ['-s', join(CONFIGS, 'post-json.lua')] };
// side: [name, which program, path]; the last is what the others are compared with. targets: by the side that dgate is
// compared with, what its CPU per request may be at most as a ratio; addedTarget: what it may add, in microseconds.
const SCENARIOS = [
    {
        name: 'module-json',
        title: 'requestHandler, small JSON',
        targets: { 'nginx+lua': 1, njs: 0.75 },
        sides: [['dgate', 'dgate', '/m/json'], ['njs', 'nginx', '/njs/json'], ['nginx+lua', 'nginx', '/lua/json']],
    },
    {
        name: 'module-header',
        title: 'requestModifier and responseModifier set a header',
        targets: { 'nginx+lua': 1 },
        sides: [['dgate', 'dgate', '/m/header/small'], ['njs', 'nginx', '/njs/header/small'], ['nginx+lua', 'nginx', '/lua/header/small']],
    },
    {
        name: 'module-body',
        title: '1 KB of JSON parsed, changed, written',
        targets: { njs: 0.5 },
        load: json,
        sides: [['dgate', 'dgate', '/m/body'], ['njs', 'nginx', '/njs/body']],
    },
    {
        name: 'module-jwt',
        title: 'JWT (HS256) verified, then proxied',
        addedTarget: 20,
        load: { args: ['-H', `Authorization: Bearer ${token()}`] },
        sides: [['verifyJwt', 'dgate', '/m/verify/small'], ['createHmac', 'dgate', '/m/jwt/small'], ['without', 'dgate', '/m/none/small']],
    },
    {
        name: 'module-fetch',
        title: 'async requestHandler with one fetch',
        targets: { 'two proxied hops': 1.3 },
        sides: [['fetch', 'dgate', '/m/fetch'], ['two proxied hops', 'dgate', '/hop/small']],
    },
    {
        name: 'module-empty',
        title: 'empty requestModifier, proxied',
        addedTarget: 2,
        sides: [['the module', 'dgate', '/m/empty/small'], ['without', 'dgate', '/m/none/small']],
    },
];

export const names = [...SCENARIOS.map((s) => s.name), 'upload'];

async function setUp({ gateway, url }, upstream) {
    for (const name of ['json', 'body', 'header', 'jwt', 'verify', 'empty', 'fetch'])
        await gateway.module(name, module(name).replace('UPSTREAM', upstream.url));
    for (const name of ['header', 'jwt', 'verify', 'empty', 'none']) // none: what the others are without their module
        await gateway.put('route', { name: `m-${name}`, paths: [`/m/${name}/**`], methods: ['*'], service: 'up', stripPath: true, modules: name === 'none' ? [] : [name] });
    for (const name of ['json', 'body', 'fetch'])
        await gateway.put('route', { name: `m-${name}`, paths: [`/m/${name}`], methods: ['*'], modules: [name] });
    await gateway.put('service', { name: 'hop', urls: [`${url}/up`] });
    await gateway.put('route', { name: 'hop', paths: ['/hop/**'], methods: ['*'], service: 'hop', stripPath: true });
}

// The compiler process ends after a while without work: cold is the first upload of a server, warm one that follows.
async function upload(dir, upstream) {
    const cold = [];
    const warm = [];
    for (let run = 0; run < RUNS; run++) {
        const { gateway, stop } = await startGateway(join(dir, `upload${run}`), upstream);
        await sleep(500);
        for (let i = 0; i < 6; i++) {
            const began = performance.now();
            await gateway.module('upload', `${module('jwt')}\n// ${i}\n`);
            (i === 0 ? cold : warm).push(performance.now() - began);
        }
        await stop();
    }
    addValue('upload', 'upload of a module, compiler not running', median(cold), 'ms', { target: 1500 });
    addValue('upload', 'upload of a module, compiler running', median(warm), 'ms', { target: 50 });
}

export async function run({ dir, upstream, wanted }) {
    if (SCENARIOS.some((s) => wanted(s.name))) {
        const programs = {
            dgate: await startGateway(join(dir, 'dgate-modules'), upstream),
            nginx: await startModulesNginx(join(dir, 'nginx-modules'), upstream),
        };
        await setUp(programs.dgate, upstream);
        for (const s of SCENARIOS.filter((s) => wanted(s.name))) {
            const sides = s.sides.map(([name, program, path]) => ({ ...programs[program], name, url: programs[program].url + path }));
            const rows = await compare(sides, s.load ?? {}, sides.at(-1).name);
            addLoad(s.name, s.title, rows, s.targets?.[rows.at(-1).side]);
            for (const [other, target] of Object.entries(s.targets ?? {}))
                addRatio(s.name, `${s.title}: CPU, ${rows[0].side} / ${other}`, rows[0], other, target);
            if (s.addedTarget !== undefined)
                for (const row of rows.slice(0, -1))
                    addDifference(s.name, `${s.title}: CPU that ${row.side} adds to a request`, row, rows.at(-1).side, s.addedTarget);
        }
        for (const program of Object.values(programs)) await program.stop();
    }
    if (wanted('upload')) await upload(dir, upstream);
}
