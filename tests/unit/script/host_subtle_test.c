/* crypto.subtle and verifyJwt() against published vectors: RFC 7515 appendix A, RFC 8032, RFC 4231 and the GCM
 * specification; and what must not verify.
 */
#include "script/script_fixture.h"

/* An expression, maybe a promise, and its value as text, or "! " and the name of what it throws. */
struct row {
    const char *expression;
    const char *result;
};

static const char PROLOGUE[] =
    "import * as c from 'dgate/crypto';\n"
    "declare const crypto: any;\n"
    "const { subtle } = crypto;\n"
    "const b = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (h) => parseInt(h, 16));\n"
    "const hex = (data: ArrayBuffer) => c.hexEncode(data);\n"
    "const utf8 = (text: string) => new TextEncoder().encode(text);\n"
    "const raw = (text: string) => c.base64Decode(text);\n"
    "const signed = "
    "'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
    "cnVlfQ';\n"
    /* RFC 7515 appendix A.1, A.2, A.3 */
    "const a1 = 'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.' + signed, s1 = "
    "'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', k1 = { kty: 'oct', k: "
    "'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow' };\n"
    "const a2 = 'eyJhbGciOiJSUzI1NiJ9.' + signed, s2 = "
    "'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5"
    "RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
    "nZLgrnbyTyWzO75vRK5h6xBArLI"
    "ARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEU"
    "ipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw', k2 = { kty: 'RSA', n: "
    "'ofgWCuLjybRlzo0tZWJjN"
    "iuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-"
    "pCgNMsD1W_YpRPEwOWvG6"
    "b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
    "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZ"
    "lxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
    "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ', e: "
    "'AQAB' };\n"
    "const a3 = 'eyJhbGciOiJFUzI1NiJ9.' + signed, s3 = "
    "'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q', k3 "
    "= { kty: 'EC', crv: "
    "'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: "
    "'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' };\n"
    "const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, ec = { name: 'ECDSA', namedCurve: "
    "'P-256', hash: "
    "'SHA-256' }, hmac = { name: 'HMAC', hash: 'SHA-256' };\n"
    "const key = (k: any, a: any) => subtle.importKey('jwk', k, a, true, ['verify']);\n"
    "const aes = (hex: string) => subtle.importKey('raw', b(hex), 'AES-GCM', true, ['encrypt', "
    "'decrypt']);\n"
    "const jwt = (token: any, k: any, ...algorithms: any[]) => { try { return c.verifyJwt(token, "
    "k, { algorithms, "
    "clockTolerance: 1e12 }).payload.iss; } catch (e: any) { return e.reason; } };\n";

static const struct row ROWS[] = {
    {"key(k1, hmac).then((k: any) => subtle.verify('HMAC', k, raw(s1), utf8(a1)))", "true"},
    {"key(k2, rsa).then((k: any) => subtle.verify(rsa, k, raw(s2), utf8(a2)))", "true"},
    {"key(k3, ec).then((k: any) => subtle.verify(ec, k, raw(s3), utf8(a3)))", "true"},
    {"key(k1, hmac).then((k: any) => subtle.verify('HMAC', k, raw(s1), utf8(a2)))", "false"},
    {"key(k2, rsa).then((k: any) => subtle.verify(rsa, k, raw(s2), utf8(a3)))", "false"},
    {"key(k3, ec).then((k: any) => subtle.verify(ec, k, raw(s3), utf8(a1)))", "false"},
    {"key(k3, ec).then((k: any) => subtle.verify(ec, k, new Uint8Array(64), utf8(a3)))", "false"},
    {"key(k3, ec).then((k: any) => subtle.verify(ec, k, new Uint8Array(63), utf8(a3)))", "false"},
    {"key(k2, rsa).then((k: any) => subtle.verify(rsa, k, new Uint8Array(0), utf8(a2)))", "false"},
    {"jwt(a1 + '.' + s1, k1, 'HS256')", "joe"},
    {"jwt(a2 + '.' + s2, k2, 'RS256')", "joe"},
    {"jwt(a3 + '.' + s3, k3, 'ES256')", "joe"},
    {"jwt(a1 + '.' + s2, k1, 'HS256')", "signature"},
    {"jwt(a2 + '.' + s1, k2, 'RS256')", "signature"},
    {"jwt(a3 + '.' + s3, k2, 'ES256')", "key"},
    {"jwt(a3 + '.' + s3, k3, 'RS256')", "algorithm"},
    {"jwt('..', k3, 'RS256')", "malformed"},
    {"(() => { try { c.verifyJwt(a1 + '.' + s1, k1, { algorithms: ['HS256'] }); } catch (e: any) { "
     "return e.reason; } })()",
     "expired"},
    /* RFC 8032 section 7.1, test 2 */
    {"subtle.importKey('raw', "
     "b('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'), "
     "'Ed25519', true, ['verify']).then((k: any) => subtle.verify('Ed25519', k, "
     "b('"
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb"
     "4302aeeb00d291612bb0c00'), b('72')))",
     "true"},
    {"subtle.importKey('raw', b('00'), 'Ed25519', true, ['verify'])", "! DataError"},
    /* The GCM specification, test cases 1 and 4 */
    {"aes('00000000000000000000000000000000').then((k: any) => subtle.encrypt({ name: 'AES-GCM', "
     "iv: new "
     "Uint8Array(12) }, k, new Uint8Array(0))).then(hex)",
     "58e2fccefa7e3061367f1d57a4e7455a"},
    {"aes('feffe9928665731c6d6a8f9467308308').then((k: any) => subtle.decrypt({ name: 'AES-GCM', "
     "iv: "
     "b('cafebabefacedbaddecaf888'), additionalData: b('feedfacedeadbeeffeedfacedeadbeefabaddad2') "
     "}, k, "
     "b('"
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84a"
     "a051ba30b396"
     "a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47'))).then((d: any) => hex(d).slice(0, 16))",
     "d9313225f88406e5"},
    {"aes('feffe9928665731c6d6a8f9467308308').then((k: any) => subtle.decrypt({ name: 'AES-GCM', "
     "iv: "
     "b('cafebabefacedbaddecaf888') }, k, new Uint8Array(20)))",
     "! OperationError"},
    {"aes('feffe9928665731c6d6a8f9467308308').then((k: any) => subtle.decrypt({ name: 'AES-GCM', "
     "iv: "
     "b('00') }, k, new Uint8Array(15)))",
     "! OperationError"},
    {"key(k2, rsa).then((k: any) => subtle.exportKey('spki', k)).then((d: any) => "
     "subtle.importKey('spki', d, rsa, true, ['verify'])).then((k: any) => subtle.verify(rsa, k, "
     "raw(s2), "
     "utf8(a2)))",
     "true"},
    {"key(k3, ec).then((k: any) => subtle.exportKey('raw', k)).then((d: any) => hex(d).length)",
     "130"},
    {"key(k3, ec).then((k: any) => subtle.exportKey('jwk', k)).then((j: any) => j.x === k3.x && "
     "j.y "
     "=== k3.y)",
     "true"},
    {"key({ ...k3, y: k3.x }, ec)", "! DataError"},
    {"subtle.importKey('spki', b('3003020101'), rsa, true, ['verify'])", "! DataError"},
    {"subtle.importKey('spki', new Uint8Array(0), rsa, true, ['verify'])", "! DataError"},
    {"key({ ...k2, n: 'AQ' }, rsa)", "! DataError"},
    {"key({ ...k2, n: 'A'.repeat(4000) }, rsa)", "! DataError"},
    /* HMACs are kept with their key: many keys, each twice */
    {"Array.from({ length: 40 }, (_, i) => c.hmac('sha256', 'key' + i % 20, 'x', 'hex') === "
     "c.createHmac('sha256', 'key' + i % 20).update(utf8('x')).digest('hex')).every((same) => "
     "same)",
     "true"},
    {"c.hmac('sha256', 'k'.repeat(2000), 'x'.repeat(2000), 'hex').length", "64"},
    {"[c.timingSafeEqual('', ''), c.timingSafeEqual('a', 'b'), c.timingSafeEqual('a', '')].join()",
     "true,false,false"},
    {"crypto.getRandomValues(new Uint8Array(300)).some((n: number) => n !== 0)", "true"},
};

static void append(char *out, size_t size, const char *text)
{
    const size_t used = strlen(out);
    assert_true(strlen(text) < size - used);
    (void)snprintf(out + used, size - used, "%s", text);
}

static void agrees_with_the_vectors(void **state)
{
    (void)state;
    enum { SOURCE_SIZE = 64 * 1024 };
    char *source = mem_alloc(SOURCE_SIZE);
    append(source, SOURCE_SIZE, PROLOGUE);
    append(source, SOURCE_SIZE,
           "export async function requestHandler(ctx: any) {\n"
           "  const all: (() => any)[] = [\n");
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        append(source, SOURCE_SIZE, "() => ");
        append(source, SOURCE_SIZE, ROWS[i].expression);
        append(source, SOURCE_SIZE, ",\n");
    }
    append(source, SOURCE_SIZE,
           "];\n  const results: string[] = [];\n  for (const f of all) try { "
           "results.push(String(await f())); } catch (e: any) { results.push('! ' + e.name); }\n"
           "  ctx.response().send(results.join('\\n') + '\\n');\n}");
    const struct script_limits limits = {.cpu_ms = 20000,
                                         .wall_ms = 60000,
                                         .heap_bytes = (size_t)1 << 30,
                                         .body_max = 1 << 20,
                                         .fetches = 32,
                                         .timers = 64};
    struct fixture *f = fixture_create(&limits);
    fixture_module(f, source);
    char *answer = mem_strdup(fixture_handle(f));
    char *rest = answer;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        const char *line = strsep(&rest, "\n");
        assert_non_null(line);
        if (strcmp(line, ROWS[i].result) != 0)
            print_error("%s\n", ROWS[i].expression);
        assert_string_equal(line, ROWS[i].result);
    }
    free(answer);
    free(source);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_vectors)};

FIXTURE_MAIN(tests)
