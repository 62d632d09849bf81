/* dgate/crypto against published vectors (FIPS 180, RFC 1321, RFC 4231). */
#include "script/script_fixture.h"

struct vector {
    const char *expression;
    const char *result; /* String() of it */
};

static const struct vector VECTORS[] = {
    {"c.md5('abc', 'hex')", "900150983cd24fb0d6963f7d28e17f72"},
    {"c.sha1('abc', 'hex')", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"c.sha256('abc', 'hex')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"c.sha384('abc', 'hex').slice(0, 16)", "cb00753f45a35e8b"},
    {"c.sha512('abc', 'hex').slice(0, 16)", "ddaf35a193617aba"},
    {"c.sha512_224('abc', 'hex').slice(0, 16)", "4634270f707b6a54"},
    {"c.sha512_256('abc', 'hex').slice(0, 16)", "53048e2681941ef9"},
    {"c.createHash('sha512-256').update('abc').digest('hex').slice(0, 16)", "53048e2681941ef9"},
    {"c.createHash('sha256').update('a').update(new Uint8Array([98])).update(new "
     "Uint8Array([99]).buffer).digest('hex')",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"c.sha256('', 'hex')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"c.md5('abc', 'base64')", "kAFQmDzST7DWlj99KOF/cg=="},
    {"c.md5('abc', 'b64raw')", "kAFQmDzST7DWlj99KOF/cg"},
    {"c.md5('abc', 'base64url')", "kAFQmDzST7DWlj99KOF_cg=="},
    {"c.md5('abc', 'b64rawurl')", "kAFQmDzST7DWlj99KOF_cg"},
    {"c.md5('abc')", "[object ArrayBuffer]"},
    {"c.md5('abc').byteLength", "16"},
    {"c.hmac('sha256', 'Jefe', 'what do ya want for nothing?', 'hex')",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"c.createHmac('sha512', new Uint8Array(20).fill(11)).update('Hi "
     "There').digest('hex').slice(0, 16)",
     "87aa7cdea5ef619d"},
    {"c.hmac('sha256', '', '', 'hex')",
     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    {"c.hexEncode('\\u00e4\\n')", "c3a40a"},
    {"c.getHashes().join()", "md5,sha1,sha256,sha384,sha512,sha512-224,sha512-256"},
    {"c.randomBytes(16).byteLength", "16"},
    {"c.hexEncode(c.randomBytes(16)) !== c.hexEncode(c.randomBytes(16))", "true"},
    {"Array.from({ length: 200 }, () => c.randomInt(3)).every((n) => n >= 0 && n < 3)", "true"},
    {"new Set(Array.from({ length: 200 }, () => c.randomInt(5, 8))).size", "3"},
    {"c.randomInt(4, 4)", "4"},
    {"/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(c.randomUUID())",
     "true"},
    {"c.createHash('crc32')", "! invalid hash algorithm"},
    {"c.randomBytes(0)", "! invalid size"},
    {"c.randomInt()", "! invalid number of arguments"},
    {"c.randomInt(2, 1)", "! min must be less than or equal to max"},
    {"(() => { const h = c.createHash('md5'); h.digest(); h.update('x'); })()",
     "! digest() was called already"},
    {"c.sha256(5)", "! invalid type number, expected (string, ArrayBuffer or a view of one)"},
};

static void agrees_with_the_vectors(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(VECTORS); i++) {
        char source[1024];
        (void)snprintf(
            source, sizeof(source),
            "import * as c from 'dgate/crypto';\nexport function requestHandler(ctx: any) { let s; "
            "try { s = String(%s); } catch (e: any) { s = '! ' + e.message; }\n"
            "  ctx.response().send(s); }",
            VECTORS[i].expression);
        fixture_module(f, source);
        assert_string_equal(fixture_handle(f), VECTORS[i].result);
    }
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_vectors)};

FIXTURE_MAIN(tests)
