#define ZLIB_CONST /* zlib.h: input is const */

#include "codec/content_coding.h"

#include <brotli/decode.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

enum {
    BITS_GZIP = 15 + 16,
    BITS_ZLIB = 15,
    BITS_RAW = -15,
    GZIP_FIRST = 0x1f, /* the first byte of a member, RFC 1952 section 2.3.1 */
    ZLIB_METHOD = 8,   /* in the low half of the first byte, RFC 1950 section 2.2 */
    ZLIB_METHOD_MASK = 15,
};

enum coding { CODING_GZIP, CODING_DEFLATE, CODING_BR };

struct content_coding {
    enum coding coding;
    bool begun;
    bool done;
    z_stream z; /* gzip, deflate; initialised once begun */
    BrotliDecoderState *br;
};

const char content_coding_accepted[] = "gzip, deflate, br";

struct content_coding *content_coding_create(struct str name)
{
    enum coding coding;
    if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip")))
        coding = CODING_GZIP;
    else if (str_eq_nocase(name, STR("deflate")))
        coding = CODING_DEFLATE;
    else if (str_eq_nocase(name, STR("br")))
        coding = CODING_BR;
    else
        return NULL;
    struct content_coding *c = mem_alloc(sizeof(*c));
    c->coding = coding;
    return c;
}

void content_coding_destroy(struct content_coding *c)
{
    if (c == NULL)
        return;
    if (c->begun && c->coding == CODING_BR)
        BrotliDecoderDestroyInstance(c->br);
    else if (c->begun)
        (void)inflateEnd(&c->z);
    free(c);
}

static void begin(struct content_coding *c, unsigned char first)
{
    int bits = BITS_GZIP;
    c->begun = true;
    if (c->coding == CODING_BR) {
        c->br = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        if (c->br == NULL)
            abort();
        return;
    }
    /* Some servers send deflate without its wrapping, and clients have to see which it is. */
    if (c->coding == CODING_DEFLATE)
        bits = (first & ZLIB_METHOD_MASK) == ZLIB_METHOD ? BITS_ZLIB : BITS_RAW;
    if (inflateInit2(&c->z, bits) != Z_OK)
        abort();
}

static enum content_coding_result run_br(struct content_coding *c, struct str *in, char *out,
                                         size_t room, size_t *made)
{
    const uint8_t *from = (const uint8_t *)in->p;
    uint8_t *to = (uint8_t *)out;
    size_t left = room;
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(c->br, &in->len, &from, &left, &to, NULL);
    in->p = (const char *)from;
    *made = room - left;
    switch (result) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        return CONTENT_CODING_DONE;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        return CONTENT_CODING_MORE;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return CONTENT_CODING_FULL;
    case BROTLI_DECODER_RESULT_ERROR:
    default:
        return CONTENT_CODING_BAD;
    }
}

static unsigned bounded(size_t n)
{
    return n < UINT_MAX ? (unsigned)n : UINT_MAX;
}

static enum content_coding_result run_zlib(struct content_coding *c, struct str *in, char *out,
                                           size_t room, size_t *made)
{
    c->z.next_in = (const Bytef *)in->p;
    c->z.avail_in = bounded(in->len);
    c->z.next_out = (Bytef *)out;
    c->z.avail_out = bounded(room);
    const int result = inflate(&c->z, Z_NO_FLUSH);
    const size_t used = bounded(in->len) - c->z.avail_in;
    *in = str_skip(*in, used);
    *made = bounded(room) - c->z.avail_out;
    if (result == Z_STREAM_END)
        return CONTENT_CODING_DONE;
    if (result != Z_OK && result != Z_BUF_ERROR)
        return CONTENT_CODING_BAD;
    return c->z.avail_out == 0 ? CONTENT_CODING_FULL : CONTENT_CODING_MORE;
}

/* Whether another member follows the one that ended (RFC 1952 section 2.2). */
static bool goes_on(struct content_coding *c, struct str in)
{
    if (c->coding != CODING_GZIP || in.len == 0 || (unsigned char)in.p[0] != GZIP_FIRST)
        return false;
    if (inflateReset(&c->z) != Z_OK)
        abort();
    c->done = false;
    return true;
}

enum content_coding_result content_coding_run(struct content_coding *c, struct str *in, char *out,
                                              size_t room, size_t *made)
{
    *made = 0;
    if (!c->begun && in->len == 0)
        return CONTENT_CODING_MORE;
    if (!c->begun)
        begin(c, (unsigned char)in->p[0]);
    if (c->done && !goes_on(c, *in)) {
        *in = str_skip(*in, in->len);
        return CONTENT_CODING_DONE;
    }
    const enum content_coding_result result =
        c->coding == CODING_BR ? run_br(c, in, out, room, made) : run_zlib(c, in, out, room, made);
    c->done = result == CONTENT_CODING_DONE;
    return result;
}

bool content_coding_complete(const struct content_coding *c)
{
    return c->done || !c->begun;
}
