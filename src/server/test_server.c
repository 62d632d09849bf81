#include "server/test_server.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/ilist.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/url.h"
#include "http/http_server.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "server/http_setup.h"

enum { BODY_MAX = 16 * 1024 * 1024, WAIT_MAX_MS = 600000, CREDIT = 64 * 1024 };

struct test_server {
    struct loop *loop;
    const struct config *config;
    struct http_server *http;
    struct listener *listener;
};

/* One request being collected, then maybe waiting. */
struct echo {
    struct test_server *server;
    struct exchange *x;
    struct buf body;
    struct timeout wait;
    int64_t wait_ns;
};

static const char JSON_TYPE[] = "application/json";

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Content-Type for content-type: how DGate shows names. */
static void canonical_name(struct str name, char out[256])
{
    bool start = true;
    size_t n = 0;
    for (; n < name.len && n < 255; n++) {
        out[n] = start ? upper(name.p[n]) : lower(name.p[n]);
        start = name.p[n] == '-';
    }
    out[n] = '\0';
}

static json_t *fields_json(const struct http_fields *fields)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < fields->n; i++) {
        char name[256];
        canonical_name(fields->v[i].name, name);
        json_t *values = json_object_get(object, name);
        if (values == NULL) {
            values = json_array();
            (void)json_object_set_new(object, name, values);
        }
        (void)json_array_append_new(values, json_text_string(fields->v[i].value));
    }
    return object;
}

static json_t *pairs_json(const struct config_pairs *pairs)
{
    json_t *object = json_object();
    for (size_t i = 0; i < pairs->n; i++)
        (void)json_object_set_new(object, pairs->v[i].name, json_string(pairs->v[i].value));
    return object;
}

static json_t *env_json(void)
{
    json_t *list = json_array();
    for (char **p = environ; *p != NULL; p++)
        (void)json_array_append_new(list, json_text_string(str_of(*p)));
    return list;
}

static json_t *echo_json(const struct echo *c)
{
    const struct http_head *head = c->x->request;
    char remote[80];
    (void)snprintf(remote, sizeof(remote), "%s:%u", c->x->peer.address, c->x->peer.port);
    json_t *data = json_object();
    (void)json_object_set_new(data, "body", json_text_string(buf_str(&c->body)));
    if (c->server->config->test_server.enable_env_vars)
        (void)json_object_set_new(data, "env", env_json());
    (void)json_object_set_new(data, "global_headers",
                              pairs_json(&c->server->config->test_server.global_headers));
    (void)json_object_set_new(data, "host", json_text_string(head->authority));
    (void)json_object_set_new(data, "method", json_text_string(head->method));
    (void)json_object_set_new(data, "path", json_text_string(head->target));
    (void)json_object_set_new(data, "remote_addr", json_string(remote));
    (void)json_object_set_new(data, "req_headers", fields_json(&head->fields));
    if (c->wait_ns > 0) {
        char waited[32];
        (void)snprintf(waited, sizeof(waited), "%" PRId64 "ms", c->wait_ns / 1000000);
        (void)json_object_set_new(data, "waited", json_string(waited));
    }
    return data;
}

static void respond(struct echo *c, uint16_t status, json_t *data)
{
    json_t *envelope = json_pack("{s:o, s:i}", "data", data, "status_code", (int)status);
    struct buf text;
    buf_init(&text, (size_t)BODY_MAX * 8);
    if (!json_text_write(&text, envelope))
        status = 500;
    json_decref(envelope);
    struct http_fields extra = {0};
    const struct config_pairs *globals = &c->server->config->test_server.global_headers;
    bool whole = true;
    for (size_t i = 0; whole && i < globals->n; i++)
        whole = http_head_add(&extra, &c->x->arena, str_of(globals->v[i].name),
                              str_of(globals->v[i].value));
    exchange_respond(c->x, status, &extra, str_of(JSON_TYPE), buf_str(&text));
    buf_finish(&text);
}

static void respond_error(struct echo *c, uint16_t status, const char *text, struct str detail)
{
    char whole[256];
    (void)snprintf(whole, sizeof(whole), "%s%.*s", text, STR_ARG(detail));
    respond(c, status, json_pack("{s:o}", "error", json_text_string(str_of(whole))));
}

static void on_waited(struct timeout *t)
{
    struct echo *c = container_of(t, struct echo, wait);
    if (c->x != NULL)
        respond(c, 200, echo_json(c));
}

/* The value of wait= in the query; false when it is not there. */
static bool find_wait(struct str target, struct str *value)
{
    struct str path;
    struct str query;
    bool has_query = false;
    url_split_target(target, &path, &query, &has_query);
    while (query.len > 0) {
        size_t end = str_index(query, '&', 0);
        struct str pair = str_slice(query, 0, end);
        if (str_starts(pair, STR("wait="))) {
            *value = str_skip(pair, 5);
            return true;
        }
        query = str_skip(query, end == query.len ? end : end + 1);
    }
    return false;
}

static void on_data(struct exchange *x, struct str data)
{
    struct echo *c = x->user;
    if (!buf_add(&c->body, data)) {
        respond_error(c, 413, "the body is too large", (struct str){0});
        return;
    }
    exchange_grant(x, data.len);
}

/* The request is whole. */
static void answer(struct echo *c)
{
    struct exchange *x = c->x;
    struct str wait = {0};
    if (x->head_sent)
        return;
    if (!find_wait(x->request->target, &wait)) {
        respond(c, 200, echo_json(c));
    } else if (!model_duration_parse(wait, &c->wait_ns) || c->wait_ns < 0 ||
               c->wait_ns / 1000000 > WAIT_MAX_MS) {
        respond_error(c, 400, "Invalid wait time: ", wait);
    } else {
        timeout_set(&c->wait, (uint64_t)c->wait_ns / 1000000);
    }
}

static void on_end(struct exchange *x, const struct http_fields *trailers)
{
    (void)trailers;
    answer(x->user);
}

static void on_done(struct exchange *x)
{
    struct echo *c = x->user;
    timeout_finish(&c->wait);
    buf_finish(&c->body);
    free(c);
}

static const struct exchange_events ECHO_EVENTS = {
    .on_data = on_data, .on_end = on_end, .on_done = on_done};

static void on_request(void *user, struct exchange *x)
{
    struct test_server *t = user;
    struct echo *c = mem_alloc(sizeof(*c));
    c->server = t;
    c->x = x;
    buf_init(&c->body, BODY_MAX);
    timeout_init(&c->wait, t->loop, on_waited);
    x->events = &ECHO_EVENTS;
    x->user = c;
    if (x->end_received)
        answer(c);
    else
        exchange_grant(x, CREDIT);
}

static void on_socket(void *user, int fd, const struct sockaddr *peer)
{
    struct test_server *t = user;
    http_server_accept(t->http, fd, peer);
}

struct test_server *test_server_create(struct loop *loop, const struct config *config, int fd)
{
    struct test_server *t = mem_alloc(sizeof(*t));
    t->loop = loop;
    t->config = config;
    struct http_server_options options = http_setup_server(&config->limits);
    options.drain_max = CREDIT;
    t->http = http_server_create(loop, &options, on_request, t);
    t->listener = listener_create(loop, fd, (uint32_t)config->limits.accept_burst, on_socket, t);
    listener_start(t->listener);
    return t;
}

void test_server_stop(struct test_server *t)
{
    listener_stop(t->listener);
    http_server_drain(t->http, NULL, NULL);
}

void test_server_destroy(struct test_server *t)
{
    if (t == NULL)
        return;
    listener_destroy(t->listener);
    http_server_destroy(t->http);
    free(t);
}
