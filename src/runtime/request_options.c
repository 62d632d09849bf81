#include "runtime/request_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "config/file_text.h"

enum {
    ARENA_MAX = 512 * 1024,
    BODY_MAX = 256 * 1024 * 1024,
    PATTERN_MAX = 64 * 1024,
    PARAMS_MAX = 64
};

void request_options_init(struct request_options *o)
{
    *o = (struct request_options){0};
    arena_init(&o->arena, ARENA_MAX);
    buf_init(&o->body, BODY_MAX);
}

void request_options_finish(struct request_options *o)
{
    arena_finish(&o->arena);
    buf_finish(&o->body);
    vec_finish(&o->params);
    for (size_t i = 0; i < o->collections.n; i++)
        json_decref(o->collections.v[i]);
    vec_finish(&o->collections);
    vec_finish(&o->secrets);
}

static bool take_request(struct request_options *o, const struct arguments *a)
{
    const struct str text = str_of(a->value);
    const size_t space = str_index(text, ' ', 0);
    o->head.method = str_slice(text, 0, space);
    o->head.target = space < text.len ? str_trim(str_skip(text, space)) : (struct str){0};
    if (str_starts(text, STR("/"))) {
        o->head.method = STR("GET");
        o->head.target = text;
    }
    if (http_head_is_token(o->head.method) && str_starts(o->head.target, STR("/")) &&
        str_index(o->head.target, ' ', 0) == o->head.target.len)
        return true;
    (void)arguments_refuse(
        a, "--request takes \"METHOD /PATH\", such as \"GET /users?id=7\", not \"%s\"", a->value);
    return false;
}

static bool take_header(struct request_options *o, const struct arguments *a)
{
    const struct str text = str_of(a->value);
    const size_t colon = str_index(text, ':', 0);
    const struct str name = str_slice(text, 0, colon);
    const struct str value =
        colon < text.len ? str_trim(str_skip(text, colon + 1)) : (struct str){0};
    if (colon == text.len || !http_head_is_token(name) || !http_head_is_value(value)) {
        (void)arguments_refuse(a, "--header takes \"NAME: VALUE\", not \"%s\"", a->value);
        return false;
    }
    if (str_eq_nocase(name, STR("Host"))) {
        o->head.authority = value;
        return true;
    }
    if (str_eq_nocase(name, STR("Content-Length")) ||
        http_head_add(&o->head.fields, &o->arena, name, value))
        return true;
    (void)arguments_refuse(a, "there are too many headers");
    return false;
}

static bool take_body(struct request_options *o, const struct arguments *a)
{
    struct err e = {0};
    buf_clear(&o->body);
    o->has_body = true;
    const bool ok = a->value[0] == '@' ? file_text_read(a->value + 1, &o->body, &e) == ERR_OK
                                       : buf_add(&o->body, str_of(a->value));
    if (!ok)
        (void)arguments_refuse(a, "--body %.200s: %s", a->value,
                               e.msg[0] != '\0' ? e.msg : "it is too large");
    return ok;
}

static bool take_param(struct request_options *o, const struct arguments *a)
{
    const struct str text = str_of(a->value);
    const size_t equals = str_index(text, '=', 0);
    if (equals == 0 || equals + 1 >= text.len) {
        (void)arguments_refuse(a, "--param takes NAME=VALUE, not \"%s\"", a->value);
        return false;
    }
    const struct script_param p = {str_slice(text, 0, equals), str_skip(text, equals + 1)};
    vec_push(&o->params, p);
    return true;
}

/* What is wrong is not shown: it may be the secret. */
static bool take_secret(struct request_options *o, const struct arguments *a)
{
    const struct str text = str_of(a->value);
    const size_t equals = str_index(text, '=', 0);
    if (equals == 0 || equals + 1 >= text.len || !base64_is_utf8(text)) {
        (void)arguments_refuse(a, "--secret takes NAME=VALUE, both UTF-8 and not empty");
        return false;
    }
    const struct script_param p = {str_slice(text, 0, equals), str_skip(text, equals + 1)};
    vec_push(&o->secrets, p);
    return true;
}

/* The schema in a file of JSON; NULL with e filled when it cannot be read. */
static json_t *read_schema(const char *path, struct err *e)
{
    struct buf text;
    json_t *schema = NULL;
    buf_init(&text, BODY_MAX);
    if (file_text_read(path, &text, e) == ERR_OK)
        schema = json_text_parse(buf_str(&text), e);
    buf_finish(&text);
    return schema;
}

/* NAME or NAME=@FILE */
static bool take_collection(struct request_options *o, const struct arguments *a)
{
    const struct str text = str_of(a->value);
    const struct str name = str_slice(text, 0, str_index(text, '=', 0));
    const struct str file = str_skip(text, name.len);
    struct err e = {0};
    json_t *schema = NULL;
    if (file.len > 0 && !str_starts(file, STR("=@"))) {
        (void)arguments_refuse(a, "--collection takes NAME or NAME=@FILE, not \"%s\"", a->value);
        return false;
    }
    if (file.len > 0 && (schema = read_schema(file.p + 2, &e)) == NULL) {
        (void)arguments_refuse(a, "--collection %.200s: %s", a->value, e.msg);
        return false;
    }
    json_t *collection = json_pack("{s:o, s:s, s:o*}", "name", json_text_string(name), "type",
                                   "document", "schema", schema);
    vec_push(&o->collections, collection);
    return true;
}

bool request_options_take(struct request_options *o, const struct arguments *a, int option)
{
    switch (option) {
    case REQUEST_OPTIONS_REQUEST:
        return take_request(o, a);
    case REQUEST_OPTIONS_HEADER:
        return take_header(o, a);
    case REQUEST_OPTIONS_BODY:
        return take_body(o, a);
    case REQUEST_OPTIONS_PARAM:
        return take_param(o, a);
    case REQUEST_OPTIONS_COLLECTION:
        return take_collection(o, a);
    case REQUEST_OPTIONS_SECRET:
        return take_secret(o, a);
    default:
        return true;
    }
}

static bool make_collection(struct memory_state *state, const json_t *collection)
{
    const char *name = json_string_value(json_object_get(collection, "name"));
    char *text = json_dumps(collection, JSON_COMPACT);
    const struct script_state_request request = {
        .op = SCRIPT_PUT_COLLECTION, .ns = STR("default"), .args = str_of(text)};
    struct err e = {0};
    struct buf stored;
    buf_init(&stored, BODY_MAX);
    const bool ok = memory_state_answer(state, &request, &stored, &e);
    if (!ok)
        (void)fprintf(stderr, "dgate-runtime: --collection %s: %s\n", name, e.msg);
    buf_finish(&stored);
    free(text);
    return ok;
}

static bool make_secret(struct memory_state *state, const struct script_param *secret)
{
    struct err e = {0};
    const bool ok = memory_state_put_secret(state, secret->name, secret->value, &e);
    if (!ok)
        (void)fprintf(stderr, "dgate-runtime: --secret %.*s: %s\n", STR_ARG(secret->name), e.msg);
    return ok;
}

bool request_options_fill(const struct request_options *o, struct memory_state *state)
{
    bool ok = true;
    for (size_t i = 0; ok && i < o->collections.n; i++)
        ok = make_collection(state, o->collections.v[i]);
    for (size_t i = 0; ok && i < o->secrets.n; i++)
        ok = make_secret(state, &o->secrets.v[i]);
    return ok;
}

void request_options_complete(struct request_options *o)
{
    struct http_head *head = &o->head;
    head->version = HTTP_1_1;
    head->scheme = STR("http");
    if (head->method.len == 0)
        head->method = o->has_body ? STR("POST") : STR("GET");
    if (head->target.len == 0)
        head->target = STR("/");
    if (head->authority.len == 0)
        head->authority = STR("localhost");
    head->no_body = !o->has_body;
    head->content_length = (int64_t)o->body.len;
}

/* The parameter whose value is that segment, or NULL. */
static const struct script_param *param_of(const struct request_options *o, struct str segment,
                                           uint64_t *used)
{
    for (size_t i = 0; i < o->params.n && i < PARAMS_MAX; i++) {
        const uint64_t bit = UINT64_C(1) << i;
        if ((*used & bit) != 0 || !str_eq(o->params.v[i].value, segment))
            continue;
        *used |= bit;
        return &o->params.v[i];
    }
    return NULL;
}

/* Adds the pattern of a path whose segments may be parameters. */
static bool add_pattern(const struct request_options *o, struct str path, struct buf *pattern,
                        uint64_t *used)
{
    bool ok = true;
    while (ok && path.len > 0) {
        path = str_skip(path, 1); /* the slash */
        const struct str segment = str_slice(path, 0, str_index(path, '/', 0));
        const struct script_param *p = param_of(o, segment, used);
        path = str_skip(path, segment.len);
        if (p != NULL)
            ok = buf_addf(pattern, "/{%.*s}", STR_ARG(p->name));
        else
            ok = buf_add(pattern, STR("/")) && buf_add(pattern, segment);
    }
    return ok;
}

/* Says which parameter no segment is the value of; false when there is one. */
static bool all_used(const struct request_options *o, uint64_t used, const struct arguments *a)
{
    for (size_t i = 0; i < o->params.n; i++) {
        const struct script_param *p = &o->params.v[i];
        if (i < PARAMS_MAX && (used & (UINT64_C(1) << i)) != 0)
            continue;
        (void)arguments_refuse(a, "--param %.*s: no segment of the path is \"%.*s\"",
                               STR_ARG(p->name), STR_ARG(p->value));
        return false;
    }
    return true;
}

struct str request_options_pattern(struct request_options *o, const struct arguments *a)
{
    const struct str target = o->head.target;
    struct buf pattern;
    struct str result = {0};
    uint64_t used = 0;
    buf_init(&pattern, PATTERN_MAX);
    if (!add_pattern(o, str_slice(target, 0, str_index(target, '?', 0)), &pattern, &used))
        (void)arguments_refuse(a, "the path is longer than %d bytes", PATTERN_MAX);
    else if (all_used(o, used, a) && !arena_copy(&o->arena, buf_str(&pattern), &result))
        (void)arguments_refuse(a, "the request is too large");
    buf_finish(&pattern);
    return result;
}
