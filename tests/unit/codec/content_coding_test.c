#include <zlib.h>

#include "codec/content_coding.h"
#include "testing.h"

enum { PLAIN = 100000, CODED_MAX = 200000 };

static char plain[PLAIN];
static char coded[CODED_MAX];

static size_t pack(int bits)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)plain;
    z.avail_in = PLAIN;
    z.next_out = (Bytef *)coded;
    z.avail_out = CODED_MAX;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t len = CODED_MAX - z.avail_out;
    (void)deflateEnd(&z);
    return len;
}

/* The same text; only the decoder is linked. */
static const unsigned char BR[] = {0x5b, 0x9f, 0x86, 0x81, 0x5f, 0x40, 0x37, 0x96, 0xea, 0x43,
                                   0x32, 0x74, 0x53, 0x57, 0x8e, 0x30, 0x10, 0xc4, 0xec, 0xe4,
                                   0x95, 0xdf, 0x52, 0x06, 0x47, 0xf4, 0x91, 0xf0, 0x45, 0x5e,
                                   0x4a, 0xfd, 0x8d, 0x5f, 0x80, 0x99, 0xff, 0xbe, 0x10};

static size_t pack_br(void)
{
    memcpy(coded, BR, sizeof(BR));
    return sizeof(BR);
}

/* Decodes coded[0..len) in pieces of step bytes, with room bytes at a time; how much came out. */
static size_t unpack(struct content_coding *c, size_t len, size_t step, size_t room)
{
    static char out[PLAIN + 1];
    size_t total = 0;
    enum content_coding_result result = CONTENT_CODING_MORE;
    for (size_t at = 0; at < len; at += step) {
        struct str in = {coded + at, step < len - at ? step : len - at};
        do {
            size_t made = 0;
            const size_t left = PLAIN + 1 - total;
            result = content_coding_run(c, &in, out + total, room < left ? room : left, &made);
            assert_true(made <= room);
            assert_int_not_equal(result, CONTENT_CODING_BAD);
            total += made;
        } while (result == CONTENT_CODING_FULL || in.len > 0);
    }
    assert_int_equal(result, CONTENT_CODING_DONE);
    assert_true(content_coding_complete(c));
    assert_memory_equal(out, plain, PLAIN);
    return total;
}

static void decodes_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int bits; /* 0: br */
    } cases[] = {{"gzip", 31}, {"X-GZIP", 31}, {"deflate", 15}, {"deflate", -15}, {"br", 0}};
    static const size_t sizes[][2] = {{CODED_MAX, PLAIN}, {1, PLAIN}, {CODED_MAX, 7}, {13, 100}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t len = cases[i].bits == 0 ? pack_br() : pack(cases[i].bits);
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            struct content_coding *c = content_coding_create(str_of(cases[i].name));
            assert_true(content_coding_complete(c)); /* an empty body is none */
            assert_int_equal(unpack(c, len, sizes[k][0], sizes[k][1]), PLAIN);
            content_coding_destroy(c);
        }
    }
}

static void refuses_what_is_broken_and_tells_what_is_cut(void **state)
{
    (void)state;
    static char out[PLAIN];
    static const char *const names[] = {"gzip", "br"};
    for (size_t i = 0; i < 2; i++) {
        size_t made = 0;
        struct str in = STR("\xff\xff this was never compressed");
        struct content_coding *c = content_coding_create(str_of(names[i]));
        assert_int_equal(content_coding_run(c, &in, out, sizeof(out), &made), CONTENT_CODING_BAD);
        content_coding_destroy(c);

        const size_t len = i == 0 ? pack(31) : pack_br();
        in = (struct str){coded, len / 2};
        c = content_coding_create(str_of(names[i]));
        assert_int_equal(content_coding_run(c, &in, out, sizeof(out), &made), CONTENT_CODING_MORE);
        assert_false(content_coding_complete(c));
        content_coding_destroy(c);
    }
    content_coding_destroy(NULL);
}

static void knows_single_codings_only(void **state)
{
    (void)state;
    assert_null(content_coding_create(STR("identity")));
    assert_null(content_coding_create(STR("gzip, br")));
    assert_null(content_coding_create(STR("zstd")));
    assert_null(content_coding_create(STR("")));
}

static void drops_what_follows_the_end(void **state)
{
    (void)state;
    static char out[PLAIN + 1];
    const size_t len = pack(31);
    size_t made = 0;
    memcpy(coded + len, "junk", 4);
    struct str in = {coded, len + 4};
    struct content_coding *c = content_coding_create(STR("gzip"));
    assert_int_equal(content_coding_run(c, &in, out, sizeof(out), &made), CONTENT_CODING_DONE);
    assert_int_equal(made, PLAIN);
    assert_int_equal(content_coding_run(c, &in, out, sizeof(out), &made), CONTENT_CODING_DONE);
    assert_int_equal(made + in.len, 0);
    content_coding_destroy(c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(decodes_in_pieces_of_any_size),
    cmocka_unit_test(refuses_what_is_broken_and_tells_what_is_cut),
    cmocka_unit_test(knows_single_codings_only),
    cmocka_unit_test(drops_what_follows_the_end),
};

int main(void)
{
    static const char text[] = "All that is gold does not glitter. ";
    for (size_t i = 0; i < PLAIN; i++)
        plain[i] = text[i % (sizeof(text) - 1)];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
