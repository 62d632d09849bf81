// Reads the text exposition format of Prometheus, version 0.0.4, strictly: every line must be one that may be there.
import assert from 'node:assert/strict';

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\\\\\|\\\\n)*)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:{(${LABEL}(?:,${LABEL})*)})? (\\+Inf|-?\\d+(?:\\.\\d+)?)$`);

// The families by name: { help, type, samples: { '': 1, 'class="2xx"': 2 } }; of a histogram the keys begin with
// bucket, sum or count.
export function parse(text) {
    const families = new Map();
    let family;
    assert.ok(text.endsWith('\n'), 'the last line ends');
    for (const line of text.slice(0, -1).split('\n')) {
        let m;
        if ((m = HELP.exec(line))) {
            assert.ok(!families.has(m[1]), `${m[1]} comes twice`);
            assert.ok(!family || Object.keys(family.samples).length > 0, `${line}: the family before has no sample`);
            assert.ok(m[2].length > 0, `${m[1]} has no help`);
            family = { name: m[1], help: m[2], samples: {} };
            families.set(m[1], family);
        } else if ((m = TYPE.exec(line))) {
            assert.equal(m[1], family?.name, `${line}: not after its HELP`);
            assert.equal(family.type, undefined, `${line}: a second type`);
            family.type = m[2];
        } else {
            m = SAMPLE.exec(line);
            assert.ok(m, `not a line of the format: ${JSON.stringify(line)}`);
            add(family, m[1], m[2] ?? '', Number(m[3] === '+Inf' ? Infinity : m[3]), line);
        }
    }
    for (const f of families.values()) if (f.type === 'histogram') checkHistogram(f);
    return families;
}

function add(family, name, labels, value, line) {
    assert.ok(family?.type, `${line}: before its TYPE`);
    let key = labels;
    if (family.type === 'histogram') {
        const part = name.slice(family.name.length + 1);
        assert.ok(name.startsWith(`${family.name}_`) && ['bucket', 'sum', 'count'].includes(part), `${line}: of no family`);
        key = part === 'bucket' ? `bucket ${labels}` : part;
    } else {
        assert.equal(name, family.name, `${line}: not of this family`);
    }
    if (family.type === 'counter') assert.ok(name.endsWith('_total'), `${name} is a counter`);
    assert.ok(!(key in family.samples), `${line}: a second time`);
    assert.ok(value >= 0, `${line}: negative`);
    family.samples[key] = value;
}

function checkHistogram(f) {
    const buckets = Object.entries(f.samples).filter(([key]) => key.startsWith('bucket ')).map(([key, count]) => {
        const le = /^bucket le="([^"]+)"$/.exec(key)[1];
        return { le: le === '+Inf' ? Infinity : Number(le), count };
    });
    for (let i = 1; i < buckets.length; i++) {
        assert.ok(buckets[i].le > buckets[i - 1].le, `${f.name}: bounds rise`);
        assert.ok(buckets[i].count >= buckets[i - 1].count, `${f.name}: buckets are cumulative`);
    }
    assert.equal(buckets.at(-1).le, Infinity);
    assert.equal(buckets.at(-1).count, f.samples.count);
    assert.ok('sum' in f.samples);
}

// The value of one sample of a gateway now.
export async function metrics(gateway, options) {
    const answer = await gateway.admin('GET', '/metrics', undefined, options);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    const families = parse(answer.text);
    return {
        families,
        value(name, labels = '') {
            const value = families.get(name)?.samples[labels];
            assert.notEqual(value, undefined, `there is no ${name}{${labels}}`);
            return value;
        },
        sum(name) {
            return Object.values(families.get(name).samples).reduce((a, b) => a + b, 0);
        },
    };
}
