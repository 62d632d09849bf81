// make bench: the gateway beside nginx, haproxy and a bare relay, on the same upstream in the same run, alternating. Prints,
// and writes to build/bench.json and build/bench.md: requests/s, p50, p99, and CPU microseconds per request of all processes of
// a side, as medians over the runs, with the ratio of CPU to nginx's. docs/performance.md describes it.
//
//     RUNS=7 RUN_SECONDS=5 WORKERS=2 SCENARIO=small,idle node bench/bench.mjs [-v]
//
// -v prints the configurations.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../tests/e2e/lib/gateway.mjs';
import { writeResults } from './lib/report.mjs';
import { setVerbose, startUpstream } from './lib/sides.mjs';
import * as changes from './scenarios/changes.mjs';
import * as crossings from './scenarios/crossings.mjs';
import * as memory from './scenarios/memory.mjs';
import * as modules from './scenarios/modules.mjs';
import * as proxy from './scenarios/proxy.mjs';
import * as size from './scenarios/size.mjs';

const groups = [proxy, size, changes, modules, memory, crossings];
const known = groups.flatMap((group) => group.names);
const selected = (process.env.SCENARIO ?? '').split(',').filter((name) => name !== '');
const unknown = selected.filter((name) => !known.includes(name));
if (unknown.length > 0) {
    console.error(`SCENARIO: ${unknown.join(', ')} is none of ${known.join(', ')}`);
    process.exit(2);
}
const wanted = (name) => selected.length === 0 || selected.includes(name);
setVerbose(process.argv.includes('-v'));

const dir = temporaryDirectory();
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const upstream = await startUpstream(join(dir, 'upstream'));
let failure = null;
for (const group of groups.filter((group) => group.names.some(wanted))) {
    try {
        await group.run({ dir, upstream, wanted });
    } catch (error) {
        failure = error; // the other groups' results are still worth having
        console.error(`FAILED: ${error.message}`);
    }
}
writeResults();
await upstream.stop();
process.exit(failure === null ? 0 : 1);
