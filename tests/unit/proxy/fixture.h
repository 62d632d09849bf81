/* A proxy between exchanges in memory: the test plays both the client and the upstreams. */
#ifndef UNIT_PROXY_FIXTURE_H
#define UNIT_PROXY_FIXTURE_H

#include "base/log.h"
#include "codec/json.h"
#include "codec/url.h"
#include "http/exchange_mem.h"
#include "io/loop.h"
#include "model/model.h"
#include "proxy/catalog.h"
#include "proxy/fake_script.h"
#include "proxy/proxy.h"
#include "testing.h"

enum { ROOM = 1000, REQUESTS_MAX = 16, ROUNDS_MAX = 10000 };

struct fixture {
    struct loop *loop;
    struct catalog *catalog;
    struct http_client *client;
    struct proxy *proxy;
    struct exchange *requests[REQUESTS_MAX];
    size_t request_count;
};

/* What a client asks; zeroed members are the usual. */
struct ask {
    const char *method; /* GET */
    const char *target; /* "/" */
    const char *host;   /* "example.org"; "-" for none */
    const char *peer;   /* 192.0.2.7 */
    const char *fields[8];
    const char *upgrade;
    bool body;
    int64_t length; /* with body: -1 unknown */
    bool expect;
    bool te_trailers;
    bool secure;
    uint8_t version; /* HTTP_1_1 */
    size_t room;     /* ROOM */
};

static const struct proxy_options fixture_options = {
    .x_forwarded_headers = true,
    .connect_timeout_ms = 1000,
    .request_timeout_ms = 60000,
    .retries_max = 3,
    .module_memory = 1 << 20,
    .collect_max = 2000,
    .replay_max = 500,
    .request_body_timeout_ms = 60000,
};

static inline void fixture_init(struct fixture *f, const struct proxy_options *options)
{
    const struct catalog_options catalog_options = {.default_namespace = true,
                                                    .node = options != NULL ? options->node : NULL};
    *f = (struct fixture){0};
    fake_script = (struct fake_script){0};
    log_configure(&(struct log_setup){.level = LOG_OFF});
    f->loop = loop_create();
    f->catalog = catalog_create(NULL, &catalog_options);
    f->client = exchange_mem_client_create(ROOM);
    f->proxy =
        proxy_create(f->loop, f->catalog, f->client, options != NULL ? options : &fixture_options);
}

static inline void fixture_finish(struct fixture *f)
{
    for (size_t i = 0; i < f->request_count; i++) {
        struct exchange *x = f->requests[i];
        if (!x->done) {
            exchange_reset(x, EXCHANGE_SHUTDOWN);
            (void)exchange_mem_run(x);
        }
        exchange_mem_destroy(x);
    }
    struct proxy_stats stats;
    proxy_stats_get(f->proxy, &stats);
    assert_int_equal(stats.active, 0);
    proxy_destroy(f->proxy);
    http_client_destroy(f->client);
    catalog_destroy(f->catalog);
    loop_destroy(f->loop);
    assert_int_equal(fake_script.runs, 0);
    assert_int_equal(fake_script.programs, 0);
}

/* Puts a resource given as JSON (with ' for "). */
static inline void fixture_put(struct fixture *f, enum model_kind kind, const char *text)
{
    static char json[4096];
    size_t n = 0;
    for (; text[n] != '\0' && n < sizeof(json) - 1; n++)
        json[n] = text[n] == '\'' ? '"' : text[n];
    struct err e = {0};
    json_t *value = json_text_parse((struct str){json, n}, &e);
    if (value == NULL)
        fail_msg("%s", e.msg);
    struct model_problems problems = {0};
    struct model_resource *r = model_decode(kind, value, MODEL_FROM_API, "default", "", &problems);
    if (r == NULL)
        fail_msg("%s: %s", problems.v[0].path, problems.v[0].text);
    json_decref(value);
    model_problems_finish(&problems);
    catalog_put(f->catalog, r);
}

/* "Name: value" strings, up to a NULL, as fields. */
static inline void fixture_fields(struct http_fields *fs, struct http_field *v,
                                  const char *const *texts, size_t max)
{
    *fs = (struct http_fields){.v = v, .cap = (uint32_t)max};
    for (size_t i = 0; i < max && texts[i] != NULL; i++) {
        struct str text = str_of(texts[i]);
        size_t colon = str_index(text, ':', 0);
        struct str name = str_slice(text, 0, colon);
        v[fs->n++] = (struct http_field){name, str_trim(str_skip(text, colon + 1)),
                                         http_head_field_id(name)};
    }
}

/* A request arrives. */
static inline struct exchange *fixture_ask(struct fixture *f, const struct ask *a)
{
    struct http_field v[8];
    struct http_head head = {
        .method = str_of(a->method != NULL ? a->method : "GET"),
        .scheme = a->secure ? STR("https") : STR("http"),
        .authority = str_of(a->host != NULL ? a->host : "example.org"),
        .target = str_of(a->target != NULL ? a->target : "/"),
        .version = a->version != 0 ? a->version : HTTP_1_1,
        .content_length = a->body ? a->length : 0,
        .no_body = !a->body,
        .expect_continue = a->expect,
        .te_trailers = a->te_trailers,
        .upgrade = str_of(a->upgrade),
    };
    if (str_eq(head.authority, STR("-")))
        head.authority = (struct str){0};
    uint16_t port;
    assert_true(head.authority.len == 0 || url_split_authority(head.authority, &head.host, &port));
    fixture_fields(&head.fields, v, a->fields, ARRAY_LEN(v));
    struct exchange *x = exchange_mem_create(&head, a->room != 0 ? a->room : ROOM);
    (void)snprintf(x->peer.address, sizeof(x->peer.address), "%s",
                   a->peer != NULL ? a->peer : "192.0.2.7");
    x->secure = a->secure;
    assert_true(f->request_count < REQUESTS_MAX);
    f->requests[f->request_count++] = x;
    proxy_handle(f->proxy, x);
    return x;
}

static inline struct exchange *fixture_get(struct fixture *f, const char *target)
{
    return fixture_ask(f, &(struct ask){.target = target});
}

/* The upstream's side of the next attempt; fails when there is none. */
static inline struct exchange *fixture_up(struct fixture *f)
{
    struct exchange *up = exchange_mem_client_next(f->client);
    assert_non_null(up);
    return up;
}

static inline void fixture_no_up(struct fixture *f)
{
    assert_null(exchange_mem_client_next(f->client));
}

/* The upstream answers with a head; length -1 is unknown, -2 is no body. */
static inline void fixture_head(struct exchange *up, uint16_t status, int64_t length,
                                const char *const *fields)
{
    static const char *const none[1];
    struct http_field v[8];
    struct http_head head = {
        .status = status,
        .version = HTTP_1_1,
        .content_length = length == -2 ? HTTP_LENGTH_UNKNOWN : length,
        .no_body = length == -2,
    };
    fixture_fields(&head.fields, v, fields != NULL ? fields : none, fields != NULL ? 8 : 1);
    exchange_mem_head(up, &head);
}

/* A whole response with that body is queued and delivered. */
static inline void fixture_reply(struct exchange *up, uint16_t status, const char *body)
{
    fixture_head(up, status, (int64_t)strlen(body), NULL);
    exchange_mem_data(up, str_of(body));
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);
}

/* Runs what the proxy left to its loop, and one exchange after it. */
static inline void fixture_turn(struct fixture *f)
{
    loop_turn(f->loop, false);
    loop_turn(f->loop, false);
}

/* Turns the loop until the condition holds, which is looked at once a turn. */
#define fixture_wait(f, condition)                                                                 \
    do {                                                                                           \
        bool holds_ = false;                                                                       \
        for (int round_ = 0; !(holds_ = (condition)) && round_ < ROUNDS_MAX; round_++)             \
            loop_turn((f)->loop, true);                                                            \
        assert_true(holds_);                                                                       \
    } while (0)

static inline const struct exchange_mem_sent *fixture_sent(const struct exchange *x)
{
    return exchange_mem_sent(x);
}

static inline unsigned fixture_status(const struct exchange *x)
{
    const struct exchange_mem_sent *sent = exchange_mem_sent(x);
    return sent->head != NULL ? sent->head->status : 0;
}

/* The value of a sent field; NULL when it is absent, values joined with "|" when there are several. */
static inline const char *fixture_field(const struct exchange *x, const char *name)
{
    static char text[8][512];
    static size_t turn;
    char *out = text[turn++ % ARRAY_LEN(text)];
    const struct exchange_mem_sent *sent = exchange_mem_sent(x);
    size_t n = 0;
    bool found = false;
    assert_non_null(sent->head);
    for (uint32_t i = 0; i < sent->head->fields.n; i++) {
        const struct http_field *field = &sent->head->fields.v[i];
        if (!str_eq_nocase(field->name, str_of(name)))
            continue;
        n += (size_t)snprintf(out + n, 512 - n, "%s%.*s", found ? "|" : "", STR_ARG(field->value));
        found = true;
    }
    return found ? out : NULL;
}

#define assert_field(x, name, expected)                                                            \
    do {                                                                                           \
        const char *value_ = fixture_field((x), (name));                                           \
        if ((expected) == NULL)                                                                    \
            assert_null(value_);                                                                   \
        else if (value_ == NULL)                                                                   \
            fail_msg("%s is missing", (name));                                                     \
        else                                                                                       \
            assert_string_equal(value_, (const char *)(expected));                                 \
    } while (0)

#define assert_body(x, expected) assert_str(buf_str(&exchange_mem_sent(x)->data), (expected))

/* The response is an error of ours with that status, text and limit (NULL: none). */
static inline void fixture_assert_error(struct exchange *x, int code, const char *text,
                                        const char *limit)
{
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), code);
    char error[1024];
    (void)snprintf(error, sizeof(error),
                   "{\"error\":\"%s\",%s%s%s\"status\":%d,\"request_id\":\"%s\"}", text,
                   limit != NULL ? "\"limit\":\"" : "", limit != NULL ? limit : "",
                   limit != NULL ? "\"," : "", code, fixture_field(x, "X-Request-Id"));
    assert_body(x, error);
    assert_field(x, "Content-Type", "application/json");
    assert_true(exchange_mem_sent(x)->ended && x->done);
}

#define assert_error(x, code, text)              fixture_assert_error((x), (code), (text), NULL)
#define assert_limit_error(x, code, text, limit) fixture_assert_error((x), (code), (text), (limit))

static inline struct proxy_stats fixture_stats(const struct fixture *f)
{
    struct proxy_stats stats;
    proxy_stats_get(f->proxy, &stats);
    return stats;
}

#endif
