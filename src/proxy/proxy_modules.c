#include "proxy/proxy_modules.h"

#include <assert.h>

#include "codec/url.h"
#include "model/model.h"
#include "proxy/catalog.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_access_log.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_client.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_headers.h"
#include "proxy/proxy_match.h"
#include "proxy/proxy_stream.h"
#include "proxy/proxy_switch.h"

enum { ERROR_TEXT_MAX = 4096 };

struct proxy_modules {
    struct script_program *program;
    struct script_run *run;
    struct arena arena; /* of what modules add, but bodies */
    struct script_exchange x;
    struct buf kept[SCRIPT_SIDE_COUNT]; /* bodies that modules wrote and that are sent */
    bool pending;                       /* a call has not come to its end */
    struct script_outcome outcome;
};

static const struct str no_detail;
static const char USED_CPU[] = "a module used too much CPU time";
static const char USED_HEAP[] = "a module used too much memory";

static enum proxy_turn refuse_unlinked(struct proxy_request *r, const struct err *e)
{
    const enum script_limit limit = script_limit_of_link(e->code);
    const bool stopped = limit < SCRIPT_LIMIT_COUNT;
    struct proxy_failure f = {
        .status = stopped ? 503 : 500,
        .text = limit == SCRIPT_LIMIT_CPU    ? USED_CPU
                : limit == SCRIPT_LIMIT_HEAP ? USED_HEAP
                                             : "the modules of this route cannot be loaded",
        .limit = stopped ? script_limit_name(limit) : NULL,
        .unhandled = true,
    };
    if (!arena_copy(&r->down->arena, str_of(e->msg), &f.detail))
        f.detail.len = 0;
    r->proxy->stats.module_errors++;
    return proxy_error_fail(r, &f);
}

enum proxy_turn proxy_modules_link(struct proxy_request *r)
{
    if (r->route->module_count == 0)
        return proxy_request_go(r, PROXY_PREPARE);
    enum proxy_turn turn;
    if (proxy_switch_refuse(r, &turn))
        return turn;
    struct err e __attribute__((uninitialized));
    struct script_program *program =
        catalog_route_link(r->route, catalog_vm(r->proxy->catalog), &e);
    if (program == NULL)
        return refuse_unlinked(r, &e);
    r->modules = arena_alloc(&r->down->arena, sizeof(*r->modules));
    if (r->modules == NULL)
        return proxy_error_memory(r);
    r->modules->program = script_program_ref(program);
    return proxy_request_go(r, PROXY_PREPARE);
}

bool proxy_modules_has(const struct proxy_request *r, enum script_function f)
{
    return r->modules != NULL && script_program_has(r->modules->program, f);
}

bool proxy_modules_wrote_fields(const struct proxy_request *r)
{
    return r->modules != NULL && r->modules->x.fields_written;
}

const struct http_fields *proxy_modules_response_fields(const struct proxy_request *r)
{
    if (r->modules == NULL || r->modules->x.response_fields.n == 0)
        return NULL;
    return &r->modules->x.response_fields;
}

const struct script_program *proxy_modules_program(const struct proxy_request *r)
{
    return r->modules->program;
}

size_t proxy_modules_body_max(const struct proxy_request *r)
{
    return script_program_body_max(r->modules->program);
}

enum proxy_turn proxy_modules_refuse_body(struct proxy_request *r, uint16_t status,
                                          const char *text)
{
    script_program_body_refused(r->modules->program);
    return proxy_error_fail(r,
                            &(struct proxy_failure){.status = status,
                                                    .text = text,
                                                    .limit = script_limit_name(SCRIPT_LIMIT_BODY),
                                                    .unhandled = status == 413});
}

static bool decode(struct arena *a, struct str *s)
{
    if (str_index(*s, '%', 0) == s->len)
        return true;
    struct buf b;
    buf_init(&b, s->len);
    bool ok = url_decode(&b, *s, false) && arena_copy(a, buf_str(&b), s);
    buf_finish(&b);
    return ok;
}

static bool set_params(struct proxy_request *r, struct script_exchange *x)
{
    struct arena *a = &r->down->arena;
    if (r->param_count == 0)
        return true;
    struct script_param *params = arena_alloc(a, r->param_count * sizeof(*params));
    if (params == NULL)
        return false;
    for (uint32_t i = 0; i < r->param_count; i++) {
        params[i] = (struct script_param){r->params[i].name, r->params[i].value};
        if (!decode(a, &params[i].value))
            return false;
    }
    x->params = params;
    x->param_count = r->param_count;
    return true;
}

static struct str proto_of(uint8_t version)
{
    if (version == HTTP_1_0)
        return STR("HTTP/1.0");
    return version == HTTP_2 ? STR("HTTP/2.0") : STR("HTTP/1.1");
}

static bool begin_run(struct proxy_request *r)
{
    struct proxy_modules *m = r->modules;
    const struct http_head *head = r->down->request;
    struct script_exchange *x = &m->x; /* zeroed, as all of m */
    arena_init(&m->arena, r->proxy->options.module_memory);
    x->arena = &m->arena;
    x->id = r->id;
    x->method = head->method;
    x->path = r->path;
    x->merge_slashes = r->proxy->options.merge_slashes;
    x->query = r->query;
    x->host = head->authority;
    x->proto = proto_of(head->version);
    x->remote_address = proxy_client_address(r);
    x->content_length = head->content_length;
    x->request_fields = r->fields;
    x->route = r->route->model;
    x->service = r->limits;
    x->flow = &proxy_stream_flow;
    x->flow_user = r;
    if (head->no_body || r->upload.collected) {
        x->request_body.collected = true;
        x->request_body.bytes = buf_str(&r->upload.kept);
    }
    if (!set_params(r, x))
        return false;
    m->run = script_run_create(m->program, x, &r->down->arena);
    return m->run != NULL;
}

/* A call may come to its end before it returns, and other requests' calls with it: their next steps are
 * left to the loop, or the stack would grow with the number of requests. */
static void on_called(void *user, const struct script_outcome *outcome)
{
    struct proxy_request *r = user;
    struct proxy_modules *m = r->modules;
    struct str text = outcome->text;
    assert(m->pending);
    m->pending = false;
    r->times.module_ns += proxy_access_log_now(r) - r->times.call_ns;
    m->outcome = *outcome;
    if (text.len > ERROR_TEXT_MAX)
        text.len = ERROR_TEXT_MAX;
    if (text.len == 0 || !arena_copy(&r->down->arena, text, &m->outcome.text))
        m->outcome.text = (struct str){0};
    if (!r->running)
        loop_schedule(r->proxy->loop, &r->wake);
}

static enum proxy_turn call(struct proxy_request *r, enum script_function f, enum proxy_step next)
{
    struct proxy_modules *m = r->modules;
    assert(!m->pending);
    m->pending = true;
    m->outcome = (struct script_outcome){.limit = SCRIPT_LIMIT_COUNT};
    struct str error = f == SCRIPT_ERROR_HANDLER ? r->failure.detail : (struct str){0};
    r->times.call_ns = proxy_access_log_now(r);
    script_run_call(m->run, f, error, on_called, r);
    return proxy_request_go(r, next);
}

/* A function failed. Those that used too much are not followed by more of the same. */
static enum proxy_turn fail(struct proxy_request *r, uint16_t status, const char *text)
{
    const struct script_outcome *o = &r->modules->outcome;
    struct proxy_failure f = {
        .status = status,
        .text = text,
        .detail = o->text,
        .limit = o->limit < SCRIPT_LIMIT_COUNT ? script_limit_name(o->limit) : NULL,
        .module = o->module,
        .unhandled = r->step == PROXY_RESCUED, /* who handles errors is not asked about its own */
    };
    r->proxy->stats.module_errors++;
    switch (o->status) {
    case SCRIPT_CPU:
        f.status = 503;
        f.text = USED_CPU;
        f.unhandled = true;
        break;
    case SCRIPT_HEAP:
        f.status = 503;
        f.text = USED_HEAP;
        f.unhandled = true;
        break;
    case SCRIPT_WALL:
        f.status = 504;
        f.text = "a module took too long";
        break;
    case SCRIPT_OK:
    case SCRIPT_THREW:
        break;
    }
    return proxy_error_fail(r, &f);
}

enum proxy_turn proxy_modules_modify(struct proxy_request *r)
{
    if (r->modules == NULL)
        return proxy_request_go(r, PROXY_CHOOSE);
    if (!begin_run(r))
        return proxy_error_memory(r);
    if (!proxy_modules_has(r, SCRIPT_REQUEST_MODIFIER))
        return proxy_request_go(r, PROXY_CHOOSE);
    return call(r, SCRIPT_REQUEST_MODIFIER, PROXY_MODIFIED);
}

static void move(struct buf *to, struct buf *from)
{
    buf_finish(to);
    *to = *from;
    buf_init(from, 0);
}

/* The bytes of a body that is to be sent: a module that goes on, or another function of it, may write the body again
 * meanwhile, but no longer there. */
static struct str keep(struct proxy_modules *m, enum script_side side, struct script_body *b)
{
    if (b->written.base != NULL)
        move(&m->kept[side], &b->written);
    return b->bytes;
}

/* Takes over what modules did to the request. */
static bool take_request(struct proxy_request *r)
{
    struct script_exchange *x = &r->modules->x;
    if (x->fields_written && !proxy_headers_clean(&x->request_fields))
        return false;
    if (!proxy_headers_clean(&x->response_fields))
        return false;
    r->fields = x->request_fields;
    r->method = x->method;
    if (x->path_written)
        r->rest = x->path;
    if (x->query_written) {
        r->query = x->query;
        r->has_query = x->query.len > 0;
    }
    if (x->request_body.replaced) {
        r->upload.replaced = true;
        r->upload.replacement = keep(r->modules, SCRIPT_REQUEST_BODY, &x->request_body);
    }
    return true;
}

static enum proxy_turn refuse_request(struct proxy_request *r)
{
    r->proxy->stats.module_errors++;
    return proxy_error_raise(r, 500, "a module made an invalid request", no_detail);
}

enum proxy_turn proxy_modules_modified(struct proxy_request *r)
{
    const struct proxy_modules *m = r->modules;
    if (m->pending)
        return PROXY_PARKED;
    if (m->outcome.status != SCRIPT_OK)
        return fail(r, 500, "a module failed");
    if (m->outcome.responded)
        return proxy_request_go(r, PROXY_ANSWER);
    if (!take_request(r))
        return refuse_request(r);
    return proxy_request_go(r, PROXY_CHOOSE);
}

enum proxy_turn proxy_modules_fetch(struct proxy_request *r)
{
    return call(r, SCRIPT_FETCH_UPSTREAM, PROXY_FETCHED);
}

enum proxy_turn proxy_modules_fetched(struct proxy_request *r)
{
    const struct proxy_modules *m = r->modules;
    struct arena *a = &r->down->arena;
    if (m->pending)
        return PROXY_PARKED;
    if (m->outcome.status != SCRIPT_OK)
        return fail(r, 500, "a module failed");
    if (m->outcome.responded)
        return proxy_request_go(r, PROXY_ANSWER);
    if (!take_request(r))
        return refuse_request(r);
    if (m->outcome.text.len == 0)
        return proxy_match_default(r);
    struct err e;
    if (upstream_url_parse(a, m->outcome.text, &r->attempt.fetched, &e) != ERR_OK) {
        struct str detail = {0};
        if (!arena_printf(a, &detail, "fetchUpstream returned an invalid URL: %s: \"%.*s\"", e.msg,
                          STR_ARG(m->outcome.text)))
            detail.len = 0;
        r->proxy->stats.module_errors++;
        return proxy_error_raise(r, 500, "a module chose an invalid upstream", detail);
    }
    r->attempt.url = &r->attempt.fetched;
    return proxy_request_go(r, PROXY_ATTEMPT);
}

enum proxy_turn proxy_modules_revise(struct proxy_request *r)
{
    struct script_exchange *x = &r->modules->x;
    const struct proxy_reply *y = &r->reply;
    x->has_upstream = true;
    x->upstream_url = r->attempt.url->text;
    x->upstream_query = str_skip(r->attempt.target, str_index(r->attempt.target, '?', 0));
    if (x->upstream_query.len > 0)
        x->upstream_query = str_skip(x->upstream_query, 1);
    x->upstream_status = y->head.status;
    x->upstream_reason = y->head.reason;
    x->upstream_proto = proto_of(y->head.version);
    x->upstream_length = y->head.content_length;
    x->upstream_fields = y->head.fields;
    if (r->attempt.trailers != NULL)
        x->upstream_trailers = *r->attempt.trailers;
    bool complete = y->head.no_body || y->head.status == 101 || r->attempt.ended;
    buf_finish(&x->upstream_body.written);
    x->upstream_body = (struct script_body){.collected = complete, .bytes = buf_str(&y->gathered)};
    return call(r, SCRIPT_RESPONSE_MODIFIER, PROXY_REVISED);
}

static bool has_no_body(const struct proxy_request *r, uint16_t status)
{
    return str_eq(r->down->request->method, STR("HEAD")) || status == 204 || status == 304;
}

/* For the head. Who answers HEAD, or with 304, need not make the body: when there is none, the length that GET has is not
 * known (RFC 9110 section 8.6). */
static int64_t length_of(struct str body, bool no_body)
{
    return no_body && body.len == 0 ? HTTP_LENGTH_UNKNOWN : (int64_t)body.len;
}

/* Takes over what modules did to the upstream's response. */
static bool take_response(struct proxy_request *r)
{
    struct script_exchange *x = &r->modules->x;
    struct proxy_reply *y = &r->reply;
    struct http_fields fields = x->upstream_fields;
    if (x->fields_written && !proxy_headers_clean(&fields))
        return false;
    if (!proxy_headers_clean(&x->response_fields))
        return false;
    y->head.fields = fields;
    if (y->head.status == 101) {
        if (x->upstream_status == 101)
            return x->upstream_body.bytes.len == 0 && !x->flows;
        y->head.no_body = true; /* what follows is the other protocol's, and is not sent */
        y->head.upgrade = STR("");
    }
    if (x->upstream_status < 200 || x->upstream_status > 999)
        return false;
    if (x->upstream_status != y->head.status)
        y->head.reason = http_head_reason(x->upstream_status);
    bool was_empty = y->head.no_body && !has_no_body(r, x->upstream_status);
    y->head.status = x->upstream_status;
    y->head.no_body = has_no_body(r, y->head.status);

    bool gathered =
        x->upstream_body.collected && r->attempt.trailers == NULL && !was_empty && !y->head.no_body;
    if (x->upstream_body.replaced || gathered || was_empty)
        y->head.content_length = length_of(x->upstream_body.bytes, y->head.no_body);
    y->from_memory = x->upstream_body.replaced || x->upstream_body.collected;
    y->body = keep(r->modules, SCRIPT_UPSTREAM_BODY, &x->upstream_body);
    if (x->flows) {
        y->streams = !y->head.no_body;
        y->from_memory = y->head.no_body;
        y->head.content_length = -1;
    }
    return true;
}

/* What was pending is dropped, so that nothing changes any more under the reply. */
static void end_run(struct proxy_modules *m)
{
    struct script_run *run = m->run;
    if (run == NULL)
        return;
    m->run = NULL;
    m->pending = false;
    script_run_destroy(run);
    buf_finish(&m->x.response_body);
}

struct script_run *proxy_modules_run(const struct proxy_request *r)
{
    return r->modules != NULL ? r->modules->run : NULL;
}

void proxy_modules_end(struct proxy_request *r)
{
    end_run(r->modules);
}

/* Whether a module began to read the upstream's body, and put nothing in its place. */
static bool lost_body(const struct script_exchange *x)
{
    return x->upstream_body.taken && !x->upstream_body.replaced && !x->flows;
}

enum proxy_turn proxy_modules_revised(struct proxy_request *r)
{
    const struct proxy_modules *m = r->modules;
    if (m->pending)
        return PROXY_PARKED;
    r->modules->x.has_upstream = false;
    if (m->outcome.status != SCRIPT_OK) {
        proxy_attempt_drop(r);
        return fail(r, 502, "a module failed on the upstream's response");
    }
    if (m->outcome.responded)
        return proxy_request_go(r, PROXY_ANSWER);
    if (r->attempt.failed) {
        r->proxy->stats.upstream_errors++;
        return proxy_attempt_raise(r);
    }
    const bool lost = lost_body(&r->modules->x);
    if (lost || !take_response(r)) {
        proxy_attempt_drop(r);
        r->proxy->stats.module_errors++;
        return proxy_error_raise(r, 502, "a module made an invalid response",
                                 lost ? STR("a responseModifier read the upstream's body and set "
                                            "none in its place")
                                      : no_detail);
    }
    if (r->reply.from_memory || (r->reply.streams && !r->flow.feeds_upstream))
        proxy_attempt_drop(r);
    else if (!r->upload.replaced && !r->reply.streams)
        end_run(r->modules); /* a stream may last long; nothing of the run is needed for it */
    return proxy_request_go(r, PROXY_REPLY);
}

enum proxy_turn proxy_modules_handle(struct proxy_request *r)
{
    if (!proxy_modules_has(r, SCRIPT_REQUEST_HANDLER))
        return proxy_error_refuse(r, 501, "the route has neither a service nor a requestHandler",
                                  no_detail);
    return call(r, SCRIPT_REQUEST_HANDLER, PROXY_HANDLED);
}

enum proxy_turn proxy_modules_handled(struct proxy_request *r)
{
    struct proxy_modules *m = r->modules;
    if (m->pending)
        return PROXY_PARKED;
    if (m->outcome.status != SCRIPT_OK)
        return fail(r, 500, "a module failed");
    if (!m->outcome.responded && m->x.response_status == 0)
        m->x.response_status = 204;
    return proxy_request_go(r, PROXY_ANSWER);
}

enum proxy_turn proxy_modules_rescue(struct proxy_request *r)
{
    proxy_request_unwait(r);
    proxy_attempt_drop(r);
    r->flow.feeds_upstream = false;
    if (r->modules == NULL || r->modules->run == NULL ||
        !proxy_modules_has(r, SCRIPT_ERROR_HANDLER))
        return proxy_request_go(r, PROXY_ERROR);
    if (r->attempt.url != NULL)
        r->modules->x.upstream_url = r->attempt.url->text;
    return call(r, SCRIPT_ERROR_HANDLER, PROXY_RESCUED);
}

enum proxy_turn proxy_modules_rescued(struct proxy_request *r)
{
    const struct proxy_modules *m = r->modules;
    if (m->pending)
        return PROXY_PARKED;
    if (m->outcome.status == SCRIPT_OK)
        return proxy_request_go(r, m->outcome.responded ? PROXY_ANSWER : PROXY_ERROR);
    return fail(r, 500, "errorHandler failed");
}

/* The answer of the modules takes the place of what came from the upstream, which they may still read if they go on. */
static void put_answer(struct proxy_modules *m, struct proxy_reply *y)
{
    struct script_exchange *x = &m->x;
    if (y->streams && !x->upstream_body.replaced)
        move(&m->kept[SCRIPT_UPSTREAM_BODY], &y->gathered);
    move(&y->gathered, &x->response_body);
}

bool proxy_modules_answer(struct proxy_request *r)
{
    struct script_exchange *x = &r->modules->x;
    struct proxy_reply *y = &r->reply;
    uint16_t status = x->response_status != 0 ? x->response_status : 200;
    struct http_fields fields = x->response_fields;
    const bool no_body = has_no_body(r, status);
    bool legal = status >= 200 && status <= 999 && proxy_headers_clean(&fields);
    y->streams = legal && x->flows && !no_body;
    put_answer(r->modules, y);
    if (!y->streams)
        end_run(r->modules);
    if (!legal)
        return false;
    y->body = buf_str(&y->gathered);
    y->head = (struct http_head){
        .status = status,
        .reason = http_head_reason(status),
        .fields = fields,
        .content_length = y->streams ? HTTP_LENGTH_UNKNOWN : length_of(y->body, no_body),
        .no_body = no_body,
    };
    return true;
}

void proxy_modules_finish(struct proxy_request *r)
{
    struct proxy_modules *m = r->modules;
    if (m == NULL)
        return;
    r->modules = NULL;
    end_run(m);
    buf_finish(&m->x.request_body.written);
    buf_finish(&m->x.upstream_body.written);
    for (size_t i = 0; i < ARRAY_LEN(m->kept); i++)
        buf_finish(&m->kept[i]);
    arena_finish(&m->arena);
    script_program_unref(m->program);
}
