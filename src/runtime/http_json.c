#include "runtime/http_json.h"

#include <string.h>

#include "base/container.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/json.h"

/* A byte of a field is the character of that number, as in modules. */
static json_t *value_json(struct str s)
{
    if (utf8_is_ascii(s))
        return json_text_string(s);
    struct buf b;
    buf_init(&b, s.len * 2);
    bool ok = true;
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t c = (uint8_t)s.p[i];
        const char two[] = {(char)(0xC0 | (c >> 6)), (char)(0x80 | (c & 0x3F))};
        ok = ok && buf_add(&b, c < 0x80 ? str_slice(s, i, i + 1) : (struct str){two, sizeof(two)});
    }
    json_t *value = json_text_string(ok ? buf_str(&b) : STR(""));
    buf_finish(&b);
    return value;
}

/* The bytes that a value stands for, made in place; one with characters above U+00FF stands for its UTF-8. */
static struct str value_bytes(char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)p[i] > 0xC3)
            return (struct str){p, len};
    char *to = p;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)p[i];
        if (c >= 0x80)
            c = (uint8_t)(c << 6 | ((uint8_t)p[++i] & 0x3F));
        *to++ = (char)c;
    }
    return (struct str){p, (size_t)(to - p)};
}

json_t *http_json_fields(const struct http_fields *fields)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < fields->n; i++)
        (void)json_array_append_new(list, json_pack("[o, o]", json_text_string(fields->v[i].name),
                                                    value_json(fields->v[i].value)));
    return list;
}

json_t *http_json_body(struct str bytes)
{
    if (base64_is_utf8(bytes) && (bytes.len == 0 || memchr(bytes.p, '\0', bytes.len) == NULL))
        return json_pack("{s:o}", "text", json_text_string(bytes));
    struct buf b;
    buf_init(&b, bytes.len * 2 + 4);
    const bool ok = base64_encode(&b, bytes);
    json_t *body = json_pack("{s:o}", "base64", json_text_string(ok ? buf_str(&b) : STR("")));
    buf_finish(&b);
    return body;
}

static bool is_framing(struct str name)
{
    static const char *const names[] = {"Connection", "Content-Length", "Host",
                                        "Transfer-Encoding"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, str_of(names[i])))
            return true;
    return false;
}

bool http_json_take_fields(const json_t *list, struct arena *a, struct http_fields *fs,
                           struct err *e)
{
    size_t i = 0;
    const json_t *pair = NULL;
    json_array_foreach(list, i, pair)
    {
        struct str name = json_text_str(json_array_get(pair, 0));
        struct str value = json_text_str(json_array_get(pair, 1));
        if (is_framing(name))
            continue;
        if (!http_head_is_token(name) || !http_head_is_value(value)) {
            (void)err_set(e, ERR_INVALID, "\"%.*s: %.*s\" is not a legal header field",
                          STR_ARG(name), STR_ARG(value));
            return false;
        }
        char *copy = arena_alloc(a, value.len + 1);
        if (copy != NULL && value.len > 0)
            memcpy(copy, value.p, value.len);
        if (copy == NULL || !arena_copy(a, name, &name) ||
            !http_head_add(fs, a, name, value_bytes(copy, value.len))) {
            (void)err_set(e, ERR_TOO_LARGE, "the header fields are too large");
            return false;
        }
    }
    return true;
}

bool http_json_take_body(const json_t *body, struct buf *b, struct err *e)
{
    const json_t *encoded = json_object_get(body, "base64");
    const bool ok = encoded != NULL ? base64_decode(b, json_text_str(encoded), NULL)
                                    : buf_add(b, json_text_str(json_object_get(body, "text")));
    if (!ok)
        (void)err_set(e, ERR_TOO_LARGE, "the body is larger than %zu bytes", b->max);
    return ok;
}
