// crypto.subtle, dgate/crypto and verifyJwt(): published vectors, and keys and signatures that Node.js makes.
import assert from 'node:assert/strict';
import { createCipheriv, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import test, { after, before } from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { checkExpressions } from './lib/expressions.mjs';

let gateway;

before(async () => {
    gateway = await new Gateway({ limits: { module_cpu_ms: 5000 } }).start();
});

after(() => gateway?.remove());

const OURS = { node: false };

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
const curves = { 'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }) };
const ed = generateKeyPairSync('ed25519');

const jwk = (pair) => pair.publicKey.export({ format: 'jwk' });
const pem = (pair) => pair.publicKey.export({ format: 'pem', type: 'spki' });
const spki = (pair) => pair.publicKey.export({ format: 'der', type: 'spki' }).toString('hex');
const DATA = Buffer.from('what is signed');
const signature = (pair, hash, options) => sign(hash, DATA, { key: pair.privateKey, ...options }).toString('hex');

const HEAD = `const b = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (h) => parseInt(h, 16));
const hex = (data) => Array.from(new Uint8Array(data), (n) => n.toString(16).padStart(2, '0')).join('');
const utf8 = (text) => new TextEncoder().encode(text);
const { subtle } = crypto;
const data = utf8('what is signed');
const flip = (bytes) => { const c = bytes.slice(); c[c.length - 1] ^= 1; return c; };`;

test('getRandomValues and randomUUID', async () => {
    await checkExpressions(gateway, 'random', [
        ['(() => { const a = new Uint32Array(4); return crypto.getRandomValues(a) === a && a.some((n) => n !== 0); })()', 'true'],
        ['(() => { const a = new Uint8Array(100); crypto.getRandomValues(a.subarray(10, 20)); return a.subarray(0, 10).every((n) => n === 0) && a.subarray(20).every((n) => n === 0) && a.some((n) => n > 0); })()', 'true'],
        ['new Set(Array.from({ length: 500 }, () => crypto.getRandomValues(new Uint32Array(2)).join())).size', '500'],
        ...['Int8Array', 'Uint8ClampedArray', 'Int16Array', 'Int32Array', 'BigInt64Array', 'BigUint64Array'].map((type) => [`crypto.getRandomValues(new ${type}(9)).length`, '9']),
        ['crypto.getRandomValues(new Uint8Array(0)).length', '0'], ['crypto.getRandomValues(new Uint8Array(65536)).length', '65536'],
        ['crypto.getRandomValues(new Uint8Array(65537))', '! QuotaExceededError'], ['crypto.getRandomValues(new Float32Array(1))', '! TypeMismatchError'],
        ['crypto.getRandomValues(new DataView(new ArrayBuffer(1)))', '! TypeMismatchError'], ['crypto.getRandomValues([1])', '! TypeError', OURS],
        ['/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())', 'true'],
        ['new Set(Array.from({ length: 1000 }, () => crypto.randomUUID())).size', '1000'], ['new CryptoKey()', '! TypeError'],
    ]);
});

test('digest', async () => {
    await checkExpressions(gateway, 'digest', [
        ['subtle.digest("SHA-1", utf8("abc")).then(hex)', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
        ['subtle.digest({ name: "sha-256" }, utf8("abc").buffer).then(hex)', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
        ['subtle.digest("SHA-384", new Uint8Array(0)).then(hex)', '38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b'],
        ['subtle.digest("sha-512", utf8("abc")).then((d) => d.byteLength)', '64'], ['subtle.digest("SHA-256", new DataView(utf8("xabc").buffer, 1)).then((d) => hex(d).slice(0, 8))', 'ba7816bf'],
        ['subtle.digest("MD5", utf8("abc"))', '! NotSupportedError'], ['subtle.digest("SHA-256", "abc")', '! TypeError'], ['subtle.digest("SHA-256")', '! TypeError'], ['subtle.digest({}, utf8("a"))', '! TypeError'],
        ['subtle.digest(undefined, utf8("a"))', '! TypeError', OURS], ['typeof subtle.digest("nope", utf8("")).catch', 'function', OURS],
    ], { head: HEAD });
});

test('HMAC', async () => {
    const key = 'subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"])';
    await checkExpressions(gateway, 'hmac', [
        [`(async () => hex(await subtle.sign("HMAC", await ${key}, utf8("what do ya want for nothing?"))))()`, '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
        [`(async () => { const k = await ${key}; const s = new Uint8Array(await subtle.sign("HMAC", k, data)); return [await subtle.verify("HMAC", k, s, data), await subtle.verify("HMAC", k, flip(s), data), await subtle.verify("HMAC", k, s.subarray(1), data), await subtle.verify("HMAC", k, new Uint8Array(0), data)]; })()`, 'true,false,false,false'],
        [`(async () => { const k = await ${key}; return [k.type, k.extractable, k.algorithm.name, k.algorithm.hash.name, k.algorithm.length, k.usages, Object.prototype.toString.call(k)]; })()`, 'secret,true,HMAC,SHA-256,32,sign,verify,[object CryptoKey]'],
        [`(async () => hex(await subtle.exportKey("raw", await ${key})))()`, '4a656665'],
        [`(async () => { const { kty, k, alg, key_ops, ext } = await subtle.exportKey("jwk", await ${key}); return [kty, k, alg, key_ops, ext]; })()`, 'oct,SmVmZQ,HS256,sign,verify,true'],
        ['subtle.importKey("jwk", { kty: "oct", k: "SmVmZQ", alg: "HS256", ext: true }, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]).then((k) => k.algorithm.length)', '32'],
        ['subtle.importKey("jwk", { kty: "oct", k: "SmVmZQ", alg: "HS384" }, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])', '! DataError'],
        ['subtle.importKey("jwk", { kty: "RSA", k: "SmVmZQ" }, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])', '! DataError'],
        ['subtle.importKey("jwk", { kty: "oct", k: "Sm VmZQ" }, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])', '! DataError', OURS],
        ['subtle.importKey("jwk", { kty: "oct" }, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])', '! DataError', OURS],
        ['subtle.importKey("jwk", { kty: "oct", k: "SmVmZQ", ext: false }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! DataError'],
        ['subtle.importKey("jwk", { kty: "oct", k: "SmVmZQ", use: "enc" }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! DataError'],
        ['subtle.importKey("jwk", { kty: "oct", k: "SmVmZQ", key_ops: ["verify"] }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! DataError'],
        ['subtle.importKey("jwk", utf8("x"), { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! TypeError', OURS],
        ['subtle.importKey("raw", { kty: "oct" }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! TypeError', OURS],
        ['subtle.importKey("raw", new Uint8Array(0), { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! DataError'],
        ['subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256", length: 33 }, true, ["sign"])', '! DataError'],
        ['subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256", length: 24 }, true, ["sign"])', '! DataError', OURS],
        ['subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, true, [])', '! SyntaxError'],
        ['subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, true, ["encrypt"])', '! SyntaxError'],
        ['subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, true, ["nope"])', '! TypeError', OURS],
        ['subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "MD5" }, true, ["sign"])', '! NotSupportedError', OURS],
        ['subtle.importKey("raw", utf8("Jefe"), { name: "HMAC" }, true, ["sign"])', '! TypeError', OURS], ['subtle.importKey("raw", utf8("Jefe"), "PBKDF", true, ["sign"])', '! NotSupportedError', OURS],
        ['subtle.importKey("der", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! TypeError', OURS],
        ['subtle.importKey("spki", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, true, ["sign"])', '! NotSupportedError', OURS],
        ['(async () => { const k = await subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]); return await subtle.sign("HMAC", k, data); })()', '! InvalidAccessError'],
        ['(async () => { const k = await subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]); return await subtle.exportKey("raw", k); })()', '! InvalidAccessError', OURS],
        ['(async () => { const k = await subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]); k.usages.push("sign"); return await subtle.sign("HMAC", k, data); })()', '! InvalidAccessError', OURS],
        ['(async () => { const k = await subtle.generateKey({ name: "HMAC", hash: "SHA-384" }, true, ["sign", "verify"]); return [k.algorithm.length, (await subtle.exportKey("raw", k)).byteLength, await subtle.verify("HMAC", k, await subtle.sign("HMAC", k, data), data)]; })()', '1024,128,true'],
        ['subtle.generateKey({ name: "HMAC", hash: "SHA-256", length: 0 }, true, ["sign"])', '! OperationError'], ['subtle.sign("HMAC", {}, data)', '! TypeError', OURS],
    ], { head: HEAD });
});

test('AES-GCM', async () => {
    // The test cases 1, 4 and 16 of the GCM specification (McGrew and Viega), with its text; key, iv, additional data, result
    const text = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
    const aad = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
    const vectors = [
        ['00000000000000000000000000000000', '000000000000000000000000', '', '', '58e2fccefa7e3061367f1d57a4e7455a'],
        ['feffe9928665731c6d6a8f9467308308', 'cafebabefacedbaddecaf888', aad, text, '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47'],
        ['feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308', 'cafebabefacedbaddecaf888', aad, text, '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
            '76fc6ece0f4e1768cddf8853bb2d551b'],
    ];
    for (const length of [1, 8, 16, 60, 128]) {
        const iv = '07'.repeat(length);
        const cipher = createCipheriv('aes-192-gcm', Buffer.alloc(24, 3), Buffer.from(iv, 'hex'));
        cipher.setAAD(Buffer.from(aad, 'hex'));
        const bytes = Buffer.concat([cipher.update(Buffer.from(text, 'hex')), cipher.final(), cipher.getAuthTag()]);
        vectors.push(['03'.repeat(24), iv, aad, text, bytes.toString('hex')]);
    }
    const vector = ([key, iv, more, plain, cipher]) => [
        `(async () => { const k = await aes('${key}'); const p = { name: 'AES-GCM', iv: b('${iv}'), additionalData: b('${more}') }; return [hex(await subtle.encrypt(p, k, b('${plain}'))), hex(await subtle.decrypt(p, k, b('${cipher}'))) === '${plain}']; })()`,
        `${cipher},true`, iv.length < 24 ? OURS : {}]; // Node.js 20 cannot decrypt with an iv this short
    const KEY = '00112233445566778899aabbccddeeff';
    const use = (body) => `(async () => { const k = await aes('${KEY}'); const p = { name: 'AES-GCM', iv: b('cafebabefacedbaddecaf888') }; ${body} })()`;
    await checkExpressions(gateway, 'aes', [
        ...vectors.map(vector),
        ...[32, 64, 96, 104, 112, 120, 128].map((bits) => [use(`p.tagLength = ${bits}; const c = await subtle.encrypt(p, k, data); return [c.byteLength, hex(await subtle.decrypt(p, k, c)) === hex(data)];`), `${14 + bits / 8},true`]),
        [use('p.tagLength = 40; return subtle.encrypt(p, k, data);'), '! OperationError'], [use('return subtle.decrypt(p, k, flip(new Uint8Array(await subtle.encrypt(p, k, data))));'), '! OperationError'],
        [use('const c = await subtle.encrypt(p, k, data); return subtle.decrypt({ ...p, additionalData: b("00") }, k, c);'), '! OperationError'], [use('const c = await subtle.encrypt(p, k, data); return subtle.decrypt({ ...p, iv: b("000000000000000000000000") }, k, c);'), '! OperationError'],
        [use('return subtle.decrypt(p, k, b("00"));'), '! OperationError'], [use('return subtle.encrypt({ name: "AES-GCM" }, k, data);'), '! TypeError', OURS], [use('return subtle.encrypt({ ...p, iv: new Uint8Array(0) }, k, data);'), '! OperationError', OURS],
        [use('return subtle.encrypt("AES-CBC", k, data);'), '! NotSupportedError', OURS], [use('return subtle.sign("HMAC", k, data);'), '! InvalidAccessError'],
        ['subtle.importKey("raw", b("0011"), "AES-GCM", true, ["encrypt"])', '! DataError'], ['subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["sign"])', '! SyntaxError'],
        ['(async () => { const k = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["decrypt", "encrypt"]); const j = await subtle.exportKey("jwk", k); return [j.alg, j.k.length, k.usages]; })()', 'A256GCM,43,encrypt,decrypt', OURS],
        ['subtle.generateKey({ name: "AES-GCM", length: 100 }, true, ["encrypt"])', '! OperationError'],
        ...['', ', length: NaN', ', length: -1', ', length: 65536'].map((length) => [`subtle.generateKey({ name: "AES-GCM"${length} }, true, ["encrypt"])`, '! TypeError']),
        ['subtle.generateKey({ name: "HMAC", hash: "SHA-256", length: NaN }, true, ["sign"])', '! TypeError'], [use('p.tagLength = NaN; return subtle.encrypt(p, k, data);'), '! TypeError'],
        [use('p.tagLength = 256; return subtle.encrypt(p, k, data);'), '! TypeError'],
        ['subtle.importKey("jwk", { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", alg: "A256GCM" }, "AES-GCM", true, ["encrypt"])', '! DataError'],
    ], { head: `${HEAD}\nconst aes = (key) => subtle.importKey('raw', b(key), 'AES-GCM', true, ['encrypt', 'decrypt']);` });
});

test('public keys', async () => {
    const rows = [];
    const verify = (format, key, algorithm, sig, params = algorithm) => `(async () => {
        const k = await subtle.importKey(${JSON.stringify(format)}, ${key}, ${JSON.stringify(algorithm)}, true, ['verify']);
        const s = b('${sig}'), p = ${JSON.stringify(params)};
        return [k.type, await subtle.verify(p, k, s, data), await subtle.verify(p, k, flip(s), data), await subtle.verify(p, k, s.subarray(1), data), await subtle.verify(p, k, new Uint8Array(0), data), await subtle.verify(p, k, s, flip(data))];
    })()`;
    const good = 'public,true,false,false,false,false';
    for (const [hash, name] of [['sha1', 'SHA-1'], ['sha256', 'SHA-256'], ['sha384', 'SHA-384'], ['sha512', 'SHA-512']]) {
        const pkcs1 = { name: 'RSASSA-PKCS1-v1_5', hash: name };
        rows.push([verify('spki', `b('${spki(rsa)}')`, pkcs1, signature(rsa, hash)), good]);
        rows.push([verify('jwk', JSON.stringify(jwk(rsa)), pkcs1, signature(rsa, hash)), good]);
        const pss = (saltLength, zero) => {
            for (;;) {
                const made = signature(rsa, hash, { padding: 6, saltLength });
                if (made.startsWith('00') === zero || saltLength === 0) return made;
            }
        };
        // Node takes a signature without its leading zeros (RFC 8017, section 8.1.2 does not).
        const row = (saltLength, made) => verify('jwk', JSON.stringify(jwk(rsa)), { name: 'RSA-PSS', hash: name }, made, { name: 'RSA-PSS', saltLength });
        for (const saltLength of [0, 20, 32]) rows.push(saltLength === 0 ? [row(0, pss(0)), good, OURS] : [row(saltLength, pss(saltLength, false)), good]);
        if (hash === 'sha256') rows.push([row(32, pss(32, true)), good, OURS]);
        for (const [namedCurve, pair] of Object.entries(curves)) {
            const sig = signature(pair, hash, { dsaEncoding: 'ieee-p1363' });
            for (const [format, key] of [['spki', `b('${spki(pair)}')`], ['jwk', JSON.stringify(jwk(pair))]])
                rows.push([verify(format, key, { name: 'ECDSA', namedCurve }, sig, { name: 'ECDSA', hash: name }), good]);
        }
    }
    rows.push([verify('jwk', JSON.stringify(jwk(ed)), { name: 'Ed25519' }, signature(ed, null)), good, OURS]);
    rows.push([verify('spki', `b('${spki(ed)}')`, 'Ed25519', signature(ed, null)), good, OURS]);
    const P256 = { name: 'ECDSA', namedCurve: 'P-256' };
    const RS = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    const load = (format, key, algorithm, usages = ['verify']) => `subtle.importKey('${format}', ${key}, ${JSON.stringify(algorithm)}, true, ${JSON.stringify(usages)})`;
    const ec = jwk(curves['P-256']);
    rows.push(
        [load('jwk', JSON.stringify({ ...ec, crv: 'P-384' }), P256), '! DataError'], [load('jwk', JSON.stringify({ ...ec, x: 'AAAA' }), P256), '! DataError', OURS],
        [load('jwk', JSON.stringify({ ...ec, y: ec.x }), P256), '! DataError', OURS], [load('jwk', JSON.stringify({ ...ec, alg: 'ES384' }), P256), '! DataError', OURS], [load('jwk', JSON.stringify({ kty: 'EC', crv: 'P-256' }), P256), '! DataError', OURS],
        [load('jwk', JSON.stringify({ ...ec, use: 'enc' }), P256), '! DataError'], [load('jwk', JSON.stringify(ec), P256, ['sign']), '! SyntaxError'], [load('jwk', JSON.stringify(ec), { name: 'ECDSA', namedCurve: 'K-256' }), '! NotSupportedError', OURS],
        [load('jwk', JSON.stringify({ ...ec, d: ec.x }), P256), '! NotSupportedError', OURS], [load('pkcs8', 'b("00")', P256), '! NotSupportedError', OURS],
        [load('spki', `b('${spki(rsa)}')`, P256), '! DataError'], [load('spki', `b('${spki(curves['P-384'])}')`, P256), '! DataError'], [load('spki', `b('${spki(rsa)}00')`, RS), '! DataError', OURS],
        [load('spki', 'b("3000")', RS), '! DataError'], [load('spki', 'new Uint8Array(0)', RS), '! DataError'], [load('raw', 'b("00")', RS), '! NotSupportedError', OURS],
        [load('jwk', JSON.stringify({ kty: 'RSA', n: 'AA', e: 'AQAB' }), RS), '! DataError', OURS], [load('jwk', JSON.stringify({ kty: 'RSA', n: jwk(rsa).n, e: 'AA' }), RS), '! DataError', OURS],
        [load('jwk', JSON.stringify(jwk(rsa)), { ...RS, hash: 'nope' }), '! NotSupportedError', OURS], [load('raw', 'new Uint8Array(31)', { name: 'Ed25519' }), '! DataError', OURS], [load('raw', 'new Uint8Array(65)', P256), '! DataError'],
        [`(async () => { const k = await ${load('jwk', JSON.stringify(jwk(rsa)), RS)}; return [k.algorithm.modulusLength, k.algorithm.publicExponent, k.algorithm.hash.name, k.usages]; })()`, '2048,1,0,1,SHA-256,verify'],
        [`(async () => { const k = await ${load('jwk', JSON.stringify(ec), P256)}; const j = await subtle.exportKey('jwk', k); const raw = await subtle.exportKey('raw', k); return [j.x === '${ec.x}', j.y === '${ec.y}', j.crv, hex(await subtle.exportKey('spki', k)) === '${spki(curves['P-256'])}', raw.byteLength, (await subtle.importKey('raw', raw, ${JSON.stringify(P256)}, true, ['verify'])).algorithm.namedCurve]; })()`, 'true,true,P-256,true,65,P-256'],
        [`(async () => { const k = await ${load('jwk', JSON.stringify(jwk(rsa)), RS)}; const j = await subtle.exportKey('jwk', k); return [j.n === '${jwk(rsa).n}', j.e, j.alg, j.key_ops, hex(await subtle.exportKey('spki', k)) === '${spki(rsa)}']; })()`, 'true,AQAB,RS256,verify,true'],
        [`(async () => subtle.verify('RSA-PSS', await ${load('jwk', JSON.stringify(jwk(rsa)), RS)}, data, data))()`, '! TypeError', OURS],
        [`(async () => subtle.verify({ name: 'RSA-PSS', saltLength: 32 }, await ${load('jwk', JSON.stringify(jwk(rsa)), RS)}, data, data))()`, '! InvalidAccessError'],
    );
    // What an attacker may try with ECDSA: all zero, r and s out of range, DER
    for (const sig of ['00'.repeat(64), 'ff'.repeat(64), `${'00'.repeat(32)}${'00'.repeat(31)}01`, signature(curves['P-256'], 'sha256')])
        rows.push([`(async () => subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, await ${load('jwk', JSON.stringify(ec), P256)}, b('${sig}'), data))()`, 'false']);
    await checkExpressions(gateway, 'keys', rows, { head: HEAD });
});

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const hs = (header, payload, secret = 'a secret', hash = 'sha256') => {
    const text = `${b64(header)}.${b64(payload)}`;
    return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
};
const signed = (alg, pair, hash, options, header = {}) => {
    const text = `${b64({ alg, ...header })}.${b64({ sub: alg })}`;
    return `${text}.${sign(hash, Buffer.from(text), { key: pair.privateKey, ...options }).toString('base64url')}`;
};

test('verifyJwt', async () => {
    const now = Math.floor(Date.now() / 1000);
    const t = (token, key, options) => `verifyJwt(${JSON.stringify(token)}, ${JSON.stringify(key)}, ${JSON.stringify(options)}).payload.sub`;
    const why = (token, key, options) => `(() => { try { return verifyJwt(${JSON.stringify(token)}, ${JSON.stringify(key)}, ${JSON.stringify(options)}).payload.sub; } catch (e) { return e.reason ?? e.name; } })()`;
    const HS = { algorithms: ['HS256'] };
    const token = hs({ alg: 'HS256', typ: 'JWT' }, { sub: 'me' });
    const [h, p, s] = token.split('.');
    const pss = (salt) => ({ padding: 6, saltLength: salt });
    const p1363 = { dsaEncoding: 'ieee-p1363' };
    const rs = signed('RS256', rsa, 'sha256', {}, { kid: 'one' });
    const set = { keys: [{ ...jwk(curves['P-256']), kid: 'two' }, { ...jwk(rsa), kid: 'one', use: 'sig', alg: 'RS256' }] };
    const rows = [
        // RFC 7515, appendices A.1, A.2 and A.3: all have expired
        [why('eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
            { kty: 'oct', k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow' }, HS), 'expired'],
        [why('eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
            { kty: 'EC', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }, { algorithms: ['ES256'] }), 'expired'],
        [why('eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw',
            { kty: 'RSA', n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ', e: 'AQAB' }, { algorithms: ['RS256'] }), 'expired'],
        [t(token, 'a secret', HS), 'me'], [`verifyJwt("${token}", utf8("a secret"), { algorithms: ["HS256"] }).header.typ`, 'JWT'],
        [t(hs({ alg: 'HS384' }, { sub: 'x' }, 's', 'sha384'), 's', { algorithms: ['HS384', 'HS256'] }), 'x'], [t(hs({ alg: 'HS512' }, { sub: 'x' }, 's', 'sha512'), 's', { algorithms: ['HS512'] }), 'x'],
        ...[['RS256', 'sha256'], ['RS384', 'sha384'], ['RS512', 'sha512']].map(([alg, hash]) => [t(signed(alg, rsa, hash), jwk(rsa), { algorithms: [alg] }), alg]),
        ...[['PS256', 'sha256', 32], ['PS384', 'sha384', 48], ['PS512', 'sha512', 64]].map(([alg, hash, salt]) => [t(signed(alg, rsa, hash, pss(salt)), pem(rsa), { algorithms: [alg] }), alg]),
        ...[['ES256', 'sha256', 'P-256'], ['ES384', 'sha384', 'P-384'], ['ES512', 'sha512', 'P-521']].map(([alg, hash, curve]) => [t(signed(alg, curves[curve], hash, p1363), pem(curves[curve]), { algorithms: [alg] }), alg]),
        [t(signed('EdDSA', ed, null), jwk(ed), { algorithms: ['EdDSA'] }), 'EdDSA'], [t(rs, set, { algorithms: ['RS256'] }), 'RS256'],
        [t(signed('ES256', curves['P-256'], 'sha256', p1363), set, { algorithms: ['RS256', 'ES256'] }), 'ES256'],
        [why(signed('RS256', rsa, 'sha256', {}, { kid: 'three' }), set, { algorithms: ['RS256'] }), 'key'],
        [`(async () => { const k = await crypto.subtle.importKey("jwk", ${JSON.stringify(jwk(rsa))}, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["verify"]); return verifyJwt("${rs}", k, { algorithms: ["RS256"] }).payload.sub; })()`, 'RS256'],
        // The algorithm
        [why(hs({ alg: 'HS384' }, {}, 'a secret', 'sha384'), 'a secret', HS), 'algorithm'], [why(`${b64({ alg: 'none' })}.${p}.`, 'a secret', HS), 'algorithm'], [why(`${b64({ alg: 'None' })}.${p}.${s}`, 'a secret', HS), 'algorithm'],
        [why(`${b64({})}.${p}.${s}`, 'a secret', HS), 'algorithm'], [why(`${b64({ alg: ['HS256'] })}.${p}.${s}`, 'a secret', HS), 'algorithm'], [why(token, 'a secret', { algorithms: ['none'] }), 'TypeError'],
        [why(token, 'a secret', { algorithms: [] }), 'TypeError'], [why(token, 'a secret', {}), 'TypeError'], [why(token, 'a secret'), 'TypeError'], [why(`${b64({ alg: 'toString' })}.${p}.${s}`, 'a secret', HS), 'algorithm'],
        // A public key is no secret, and the other way round
        [why(hs({ alg: 'HS256' }, {}, pem(rsa)), pem(rsa), { algorithms: ['HS256', 'RS256'] }), 'key'], [`(() => { try { return verifyJwt("${hs({ alg: 'HS256' }, {}, pem(rsa))}", utf8(${JSON.stringify(pem(rsa))}), { algorithms: ["HS256"] }); } catch (e) { return e.reason; } })()`, 'key'],
        [why(rs, 'a secret', { algorithms: ['RS256'] }), 'key'], [why(rs, jwk(curves['P-256']), { algorithms: ['RS256'] }), 'key'], [why(signed('ES256', curves['P-256'], 'sha256', p1363), jwk(curves['P-384']), { algorithms: ['ES256'] }), 'key'],
        [why(signed('RS256', weak, 'sha256'), jwk(weak), { algorithms: ['RS256'] }), 'key'], [why(rs, { ...jwk(rsa), alg: 'RS512' }, { algorithms: ['RS256'] }), 'key'], [why(rs, { ...jwk(rsa), use: 'enc' }, { algorithms: ['RS256'] }), 'key'],
        [why(rs, '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', { algorithms: ['RS256'] }), 'key'], [why(token, '', HS), 'key'], [why(token, null, HS), 'TypeError'], [why(rs, { kty: 'RSA', n: '*', e: 'AQAB' }, { algorithms: ['RS256'] }), 'key'],
        // The signature
        [why(`${h}.${p}.${s.slice(0, -1)}`, 'a secret', HS), 'signature'], [why(`${h}.${p}.`, 'a secret', HS), 'signature'], [why(`${h}.${p}.${s}=`, 'a secret', HS), 'signature'], [why(`${h}.${p}.${s} `, 'a secret', HS), 'signature'],
        [why(token, 'another', HS), 'signature'], [why(`${h}.${b64({ sub: 'you' })}.${s}`, 'a secret', HS), 'signature'], [why(`${rs.slice(0, -4)}AAAA`, jwk(rsa), { algorithms: ['RS256'] }), 'signature'], [why(rs.replace(/[^.]*$/, ''), jwk(rsa), { algorithms: ['RS256'] }), 'signature'],
        [why(signed('ES256', curves['P-256'], 'sha256'), jwk(curves['P-256']), { algorithms: ['ES256'] }), 'signature'],
        // Unused bits of the last character: another text of the same signature
        [why(token.slice(0, -1) + { A: 'B', Q: 'R', g: 'h', w: 'x' }[token.at(-1)] ?? 'B', 'a secret', HS), s.length === 43 ? 'signature' : 'signature'],
        // The text
        ...['', 'a', 'a.b', 'a.b.c.d', `${h}.${p}.${s}.`, '..'].map((text) => [why(text, 'a secret', HS), 'malformed']), [why(5, 'a secret', HS), 'malformed'], [why(null, 'a secret', HS), 'malformed'],
        [why(hs('[]', {}), 'a secret', HS), 'malformed'], [why(hs('{"alg":"HS256"', {}), 'a secret', HS), 'malformed'], [why(hs({ alg: 'HS256' }, '"x"'), 'a secret', HS), 'malformed'], [why(hs({ alg: 'HS256' }, 'x'), 'a secret', HS), 'malformed'],
        [why(hs({ alg: 'HS256', crit: ['b64'], b64: false }, {}), 'a secret', HS), 'malformed'],
        // The claims
        [why(hs({ alg: 'HS256' }, { sub: 'x', exp: now + 600, nbf: now - 600 }), 'a secret', HS), 'x'], [why(hs({ alg: 'HS256' }, { exp: now - 10 }), 'a secret', HS), 'expired'], [why(hs({ alg: 'HS256' }, { nbf: now + 600 }), 'a secret', HS), 'not yet valid'],
        [why(hs({ alg: 'HS256' }, { sub: 'x', exp: now - 10, nbf: now + 10 }), 'a secret', { ...HS, clockTolerance: 600 }), 'x'], [why(hs({ alg: 'HS256' }, { exp: 'tomorrow' }), 'a secret', HS), 'claim'], [why(hs({ alg: 'HS256' }, { exp: null }), 'a secret', HS), 'claim'],
        [why(token, 'a secret', { ...HS, clockTolerance: -1 }), 'TypeError'], [why(hs({ alg: 'HS256' }, { iss: 'a', sub: 'x' }), 'a secret', { ...HS, issuer: ['b', 'a'] }), 'x'], [why(token, 'a secret', { ...HS, issuer: 'a' }), 'claim'],
        [why(hs({ alg: 'HS256' }, { aud: ['a', 'b'], sub: 'x' }), 'a secret', { ...HS, audience: 'b' }), 'x'], [why(hs({ alg: 'HS256' }, { aud: 'a' }), 'a secret', { ...HS, audience: ['b'] }), 'claim'], [why(token, 'a secret', { ...HS, audience: 'a' }), 'claim'],
        [`(() => { try { verifyJwt("${token}", "no", { algorithms: ["HS256"] }); } catch (e) { return [e.name, e.message, e instanceof Error]; } })()`, "JwtError,the token's signature is wrong,true"],
        // The header is shared between tokens, so it cannot be changed.
        [`(() => { const { header } = verifyJwt("${token}", "a secret", { algorithms: ["HS256"] }); try { header.alg = "none"; } catch (e) { return [e.name, verifyJwt("${token}", "a secret", { algorithms: ["HS256"] }).header.alg]; } })()`, 'TypeError,HS256'],
    ].map(([text, result]) => [text, result, OURS]);
    await checkExpressions(gateway, 'jwt', rows, { imports: 'import { verifyJwt } from "dgate/crypto";', head: HEAD });
});

test('dgate/crypto: each member', async () => {
    const rows = [
        ['Object.keys(c).sort().join()', 'base64Decode,base64DecodeText,base64Encode,createHash,createHmac,getHashes,hexDecode,hexEncode,hmac,md5,randomBytes,randomInt,randomUUID,sha1,sha256,sha384,sha512,sha512_224,sha512_256,timingSafeEqual,verifyJwt'],
        ['c.getHashes().map((name) => c.createHash(name).update("x").digest("hex") === c.createHash(name.replace("-", "_")).update("x").digest("hex"))', Array(7).fill(true).join()],
        ['["md5", "sha1", "sha256", "sha384", "sha512", "sha512_224", "sha512_256"].map((n) => c[n]("x", "b64rawurl") === c.createHash(n).update("x").digest("base64rawurl"))', Array(7).fill(true).join()],
        ['c.createHash("SHA-256").update("a").update("b").digest("hex") === c.sha256("ab", "hex")', 'true'], ['c.createHash("sha256").digest("hex") === c.sha256("", "hex")', 'true'],
        ['c.createHmac("sha256", "k").update("a").update(utf8("b")).digest("base64") === c.hmac("sha256", "k", "ab", "base64")', 'true'], ['c.createHmac("sha1", "k").digest("hex") === c.hmac("sha1", "k", "", "hex")', 'true'],
        ['(() => { const k = utf8("k"); const h = c.createHmac("sha256", k); k[0] = 0; return h.update("a").digest("hex") === c.hmac("sha256", "k", "a", "hex"); })()', 'true'],
        // More keys than are kept, each twice, and keys too long to be kept
        ['(() => { const key = (i) => "key " + i % 20; const one = Array.from({ length: 60 }, (_, i) => c.hmac("sha256", key(i), "x", "hex")); return [new Set(one).size, one.every((t, i) => t === c.createHmac("sha256", key(i)).update(utf8("x")).digest("hex"))]; })()', '20,true'],
        ['c.hmac("sha256", "k".repeat(1000), "x", "hex") === c.createHmac("sha256", "k".repeat(1000)).update(utf8("x")).digest("hex")', 'true'], ['c.hmac("sha256", "", "", "hex").slice(0, 8)', 'b613679a'],
        ['c.hmac("sha256", "k", "x") instanceof ArrayBuffer', 'true'], ['c.hmac("sha256", "k", "x", "nope") instanceof ArrayBuffer', 'true'], ['c.md5("x", "toString") instanceof ArrayBuffer', 'true'],
        ['c.createHash("toString")', '! GoError'], ['c.createHash("")', '! GoError'], ['c.hmac("sha256", 5, "x")', '! TypeError'], ['c.hmac("sha3", "k", "x")', '! GoError'],
        ['[c.timingSafeEqual("a", "a"), c.timingSafeEqual("a", utf8("a")), c.timingSafeEqual("a", "b"), c.timingSafeEqual("a", "ab"), c.timingSafeEqual("", "")]', 'true,true,false,false,true'], ['c.timingSafeEqual("a")', '! TypeError'],
        ['c.hexEncode("\\u00e4") + hex(c.hexDecode("C3a4"))', 'c3a4c3a4'], ['c.hexDecode("abc")', '! TypeError'], ['c.hexDecode("zz")', '! TypeError'],
        ['["base64", "base64raw", "base64url", "base64rawurl"].map((f) => c.base64Encode(b("fbff"), f))', '+/8=,+/8,-_8=,-_8'], ['c.base64Encode("a")', 'YQ=='], ['c.base64Encode("a", "hex")', '! TypeError'],
        ['["+/8=", "-_8", " -/8 "].map((t) => hex(c.base64Decode(t)))', 'fbff,fbff,fbff'], ['c.base64Decode("*")', '! TypeError'], ['c.base64DecodeText("w6Q")', '\u00e4'], ['c.base64DecodeText("/w==")', '! TypeError'],
        ['[c.randomBytes(7).byteLength, c.randomBytes(65536).byteLength]', '7,65536'], ['c.randomBytes(65537)', '! GoError'], ['c.randomInt(1, 2)', '1'], ['c.randomInt(1, 2, 3)', '! GoError'],
    ].map(([text, result]) => [text, result, OURS]);
    await checkExpressions(gateway, 'dgatecrypto', rows, { imports: 'import * as c from "dgate/crypto";', head: HEAD });
});
