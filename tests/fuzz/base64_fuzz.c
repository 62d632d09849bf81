/* Base64. The forgiving decoder is compared with one that follows the steps of the Infra standard ("forgiving-base64
 * decode") one by one, in both alphabets; the strict ones understand nothing that it does not; encoding can be undone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024, FORMS = 4 };

/* Step 1. Returns the new length. */
static size_t remove_white_space(char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || strchr("\t\n\f\r ", text[i]) == NULL)
            text[n++] = text[i];
    return n;
}

/* Steps 2 and 3. False: failure. */
static bool remove_padding(const char *text, size_t *len)
{
    if (*len > 0 && *len % 4 == 0)
        for (int i = 0; i < 2 && *len > 0 && text[*len - 1] == '='; i++)
            (*len)--;
    return *len % 4 != 1;
}

/* 64: it is no digit. */
static unsigned digit(char c, bool url)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (url && c == '-')
        return 62;
    if (url && c == '_')
        return 63;
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (unsigned)(at - digits) : 64;
}

/* Steps 5 to 10, bit by bit. */
static bool reference(struct buf *out, char *text, size_t len, bool url)
{
    len = remove_white_space(text, len);
    if (!remove_padding(text, &len))
        return false;
    unsigned byte = 0;
    size_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        const unsigned value = digit(text[i], url);
        if (value == 64)
            return false;
        for (unsigned bit = 32; bit > 0; bit /= 2) {
            byte = (byte << 1 | ((value & bit) != 0 ? 1 : 0)) & 0xff;
            const char c = (char)(unsigned char)byte;
            if (++bits % 8 == 0)
                assert(buf_add(out, (struct str){&c, 1}));
        }
    }
    return true;
}

static void check_forgiving(struct str s, bool url)
{
    struct buf expected;
    struct buf decoded;
    buf_init(&expected, s.len + 1);
    buf_init(&decoded, s.len + 4);
    char *copy = malloc(s.len + 1);
    assert(copy != NULL);
    memcpy(copy, s.p, s.len);
    assert(buf_add(&decoded, STR("x")));
    const bool ok = base64_decode_forgiving(&decoded, s, url);
    if (reference(&expected, copy, s.len, url)) {
        assert(ok && str_eq(str_skip(buf_str(&decoded), 1), buf_str(&expected)));
    } else {
        assert(!ok && str_eq(buf_str(&decoded), STR("x")));
    }
    buf_finish(&expected);
    buf_finish(&decoded);
    free(copy);
}

/* What a strict decoder takes the forgiving one takes too, and it is the only way to write it. */
static void check_strict(struct str s, unsigned form)
{
    struct buf strict;
    struct buf forgiving;
    struct buf again;
    size_t bad = 0;
    buf_init(&strict, s.len + 3);
    buf_init(&forgiving, s.len + 3);
    buf_init(&again, s.len + 4); /* so does the encoder */
    const bool url = (form & BASE64_URL) != 0;
    if (url ? base64_decode_url(&strict, s) : base64_decode(&strict, s, &bad)) {
        assert(base64_decode_forgiving(&forgiving, s, url));
        assert(str_eq(buf_str(&strict), buf_str(&forgiving)));
        assert(base64_encode_as(&again, buf_str(&strict), form));
        assert(str_eq(buf_str(&again), s));
    } else {
        assert(strict.len == 0 && bad <= s.len);
    }
    buf_finish(&strict);
    buf_finish(&forgiving);
    buf_finish(&again);
}

static void check_encoding(struct str s, unsigned form)
{
    struct buf text;
    struct buf back;
    buf_init(&text, s.len / 3 * 4 + 4);
    buf_init(&back, s.len + 8); /* the decoder takes room before it knows how long it gets */
    assert(base64_encode_as(&text, s, form));
    assert(base64_decode_forgiving(&back, buf_str(&text), (form & BASE64_URL) != 0));
    assert(str_eq(buf_str(&back), s));
    buf_finish(&text);
    buf_finish(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    /* A copy without the NUL that fuzzers may put behind, so that overruns are seen. */
    char *copy = malloc(size + (size == 0 ? 1 : 0));
    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    const struct str s = {copy, size};
    check_forgiving(s, false);
    check_forgiving(s, true);
    check_strict(s, BASE64_STANDARD);
    check_strict(s, BASE64_URL | BASE64_RAW);
    for (unsigned form = 0; form < FORMS; form++)
        check_encoding(s, form);
    free(copy);
    return 0;
}
