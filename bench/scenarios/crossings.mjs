// What it costs to go between C and JavaScript (bench/crossings.c).
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { addValue } from '../lib/report.mjs';

const BUILD = process.env.DGATE_BUILD ?? 'build';

export const names = ['crossings'];

export async function run() {
    execFileSync('cmake', ['--build', BUILD, '--target', 'crossings'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const text = execFileSync(join(BUILD, 'bin', 'crossings'), { encoding: 'utf8' });
    for (const [, what, ns] of text.matchAll(/^(.*?) +(\d+) ns$/gm)) addValue('crossings', what, Number(ns), 'ns');
}
