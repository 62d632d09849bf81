// The README's five minutes: each of its commands is run as it is printed there, and must give the output that is printed
// below it. Only the ports differ, and what changes from run to run is masked on both sides.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { freePort, Gateway } from './lib/gateway.mjs';

const VOLATILE = [
    [/^Date: .*$/gm, 'Date: …'],
    [/\b[0-9a-f]{32}\b/g, 'ID'],
    [/127\.0\.0\.1:\d+/g, 'ADDRESS'],
    [/curl\/[\d.]+/g, 'curl/…'],
    [/\r/g, ''],
];
const masked = (text) => VOLATILE.reduce((t, [pattern, by]) => t.replace(pattern, by), text).trim();

// The commands between two headings, each with the output that follows it.
function steps(markdown, from, to) {
    const section = markdown.slice(markdown.indexOf(from), markdown.indexOf(to));
    const blocks = [...section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({ kind, text }));
    const found = [];
    let waiting = '';
    for (const { kind, text } of blocks.slice(1)) {
        if (kind === 'sh') waiting += text;
        else {
            found.push({ commands: waiting, output: text });
            waiting = '';
        }
    }
    assert.equal(waiting, '', 'every command has its output');
    return found;
}

test('the commands of the README give the output of the README', async () => {
    const readme = readFileSync('README.md', 'utf8');
    const found = steps(readme, '## The first route', '## Documentation');
    assert.ok(found.length >= 4, `${found.length} steps`);

    // The example's service names the port of the test server, so that one cannot be left to the server.
    const testPort = await freePort();
    const gateway = new Gateway({}, { env: { PORT: '0', ADMIN_PORT: '0', TEST_SERVER_PORT: `${testPort}` } });
    gateway.file = join(gateway.dir, 'config.dgate.yaml');
    copyFileSync('config.dgate.yaml', gateway.file);
    gateway.config.test_server = {};
    try {
        await gateway.startFile();
        const ports = { 8080: gateway.proxyPort, 9080: gateway.adminPort, 8888: gateway.testPort };
        for (const { commands, output } of found) {
            const script = commands.replace(/127\.0\.0\.1:(\d+)/g, (all, port) => `127.0.0.1:${ports[port]}`);
            const { stdout } = await promisify(execFile)('bash', ['-ec', script], { cwd: gateway.dir });
            // Answers follow each other without a line's end between them, and of some commands only the last is printed.
            const joined = (text) => masked(text).replace(/\n/g, '');
            const shown = joined(output);
            assert.equal(joined(stdout).slice(-shown.length), shown, commands);
        }
    } catch (error) {
        error.message += `\n--- log ---\n${gateway.log.slice(-4000)}`;
        throw error;
    } finally {
        await gateway.remove();
    }
});
