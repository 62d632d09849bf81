#include "runtime/http_json.h"

#include <string.h>

#include "base/container.h"
#include "codec/base64.h"
#include "codec/json.h"

json_t *http_json_fields(const struct http_fields *fields)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < fields->n; i++)
        (void)json_array_append_new(list, json_pack("[o, o]", json_text_string(fields->v[i].name),
                                                    json_text_string(fields->v[i].value)));
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
        if (!arena_copy(a, name, &name) || !arena_copy(a, value, &value) ||
            !http_head_add(fs, a, name, value)) {
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
