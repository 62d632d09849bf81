#include "script/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/container.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/loop.h"
#include "io/poller.h"
#include "io/timeout.h"

enum {
    REDIRECTS_MAX = 20,
    HEADERS_MAX = 256 * 1024,
    CONNECTIONS_KEPT = 64,
    CONNECT_MS = 30000,
    LINE_MAX_BYTES = 128 * 1024,
};

struct fetch_pool {
    struct loop *loop;
    CURLM *multi;
    struct timeout timeout;
};

struct fetch {
    struct fetch_pool *pool;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;    /* received */
    struct buf upload;  /* to be sent */
    struct arena arena; /* of the fields */
    struct str reason;
    struct {
        VEC_OF(struct fetch_field);
    } fields;
    bool refuse_redirect;
    const char *broken;            /* why we ended it ourselves */
    char message[CURL_ERROR_SIZE]; /* libcurl's */
    fetch_done done;
    void *user;
};

/* A socket of libcurl's. */
struct watched {
    struct fetch_pool *pool;
    struct poller *poller;
    curl_socket_t fd;
};

static void destroy(struct fetch *f)
{
    (void)curl_multi_remove_handle(f->pool->multi, f->easy);
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->headers);
    buf_finish(&f->body);
    buf_finish(&f->upload);
    arena_finish(&f->arena);
    vec_finish(&f->fields);
    free(f);
}

static void report(struct fetch *f, CURLcode code)
{
    struct fetch_result result = {.error = f->broken};
    if (result.error == NULL && code != CURLE_OK)
        result.error = f->message[0] != '\0' ? f->message : curl_easy_strerror(code);
    long status = 0;
    long redirects = 0;
    char *url = NULL;
    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    (void)curl_easy_getinfo(f->easy, CURLINFO_EFFECTIVE_URL, &url);
    result.status = (uint16_t)status;
    result.redirected = redirects > 0;
    result.url = str_of(url);
    result.reason = f->reason;
    result.fields = f->fields.v;
    result.field_count = f->fields.n;
    result.body = buf_str(&f->body);
    if (result.error == NULL && f->refuse_redirect && status >= 300 && status <= 399)
        result.error = "redirects not allowed";
    f->done(f->user, &result);
}

/* Callbacks cancel other fetches and begin new ones, so the queue is read anew after each. */
static void report_finished(struct fetch_pool *p)
{
    const CURLMsg *m = NULL;
    int left = 0;
    while ((m = curl_multi_info_read(p->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = m->data.result;
        struct fetch *f = NULL;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
        (void)curl_multi_remove_handle(p->multi, f->easy);
        report(f, code);
        destroy(f);
    }
}

static void on_ready(void *user, int events)
{
    const struct watched *w = user;
    struct fetch_pool *p = w->pool;
    int mask = 0;
    mask |= (events & POLLER_READ) != 0 ? CURL_CSELECT_IN : 0;
    mask |= (events & POLLER_WRITE) != 0 ? CURL_CSELECT_OUT : 0;
    int running = 0;
    (void)curl_multi_socket_action(p->multi, w->fd, mask, &running); /* w may be gone now */
    report_finished(p);
}

static void on_timeout(struct timeout *t)
{
    struct fetch_pool *p = container_of(t, struct fetch_pool, timeout);
    int running = 0;
    (void)curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    report_finished(p);
}

/* CURLMOPT_SOCKETFUNCTION: what libcurl wants to know of a socket. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy;
    struct fetch_pool *p = user;
    struct watched *w = known;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            poller_destroy(w->poller);
            free(w);
        }
        return 0;
    }
    if (w == NULL) {
        w = mem_alloc(sizeof(*w));
        *w = (struct watched){.pool = p, .fd = fd};
        w->poller = poller_create(p->loop, fd, on_ready, w);
        (void)curl_multi_assign(p->multi, fd, w);
    }
    int events = 0;
    events |= what == CURL_POLL_IN || what == CURL_POLL_INOUT ? POLLER_READ : 0;
    events |= what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? POLLER_WRITE : 0;
    poller_watch(w->poller, events);
    return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer(CURLM *multi, long ms, void *user)
{
    (void)multi;
    struct fetch_pool *p = user;
    if (ms < 0)
        timeout_clear(&p->timeout);
    else
        timeout_set(&p->timeout, (uint64_t)ms);
    return 0;
}

struct fetch_pool *fetch_pool_create(struct loop *loop)
{
    struct fetch_pool *p = mem_alloc(sizeof(*p));
    p->loop = loop;
    timeout_init(&p->timeout, loop, on_timeout);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    p->multi = curl_multi_init();
    if (p->multi == NULL)
        abort();
    (void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
    (void)curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
    (void)curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return p;
}

void fetch_pool_destroy(struct fetch_pool *p)
{
    if (p == NULL)
        return;
    (void)curl_multi_cleanup(p->multi);
    timeout_finish(&p->timeout);
    curl_global_cleanup();
    free(p);
}

static size_t on_body(const char *bytes, size_t size, size_t count, void *user)
{
    struct fetch *f = user;
    if (buf_add(&f->body, (struct str){bytes, size * count}))
        return size * count;
    f->broken = "the response body is too large";
    return 0;
}

/* Takes "HTTP/1.1 200 OK": a new response begins, after a redirect or a 1xx. */
static void begin_response(struct fetch *f, struct str line)
{
    f->fields.n = 0;
    buf_clear(&f->body);
    const size_t space = str_index(line, ' ', 0);
    const size_t second = space < line.len ? str_index(line, ' ', space + 1) : line.len;
    f->reason = (struct str){NULL, 0};
    if (second < line.len)
        (void)!arena_copy(&f->arena, str_trim(str_skip(line, second)), &f->reason);
}

static size_t on_header(const char *bytes, size_t size, size_t count, void *user)
{
    struct fetch *f = user;
    struct str line = {bytes, size * count};
    while (line.len > 0 && (line.p[line.len - 1] == '\r' || line.p[line.len - 1] == '\n'))
        line.len--;
    const size_t colon = str_index(line, ':', 0);
    if (str_starts(line, STR("HTTP/"))) {
        begin_response(f, line);
        return size * count;
    }
    struct fetch_field field = {{NULL, 0}, {NULL, 0}};
    if (colon == line.len)
        return size * count;
    if (!arena_copy(&f->arena, str_trim(str_slice(line, 0, colon)), &field.name) ||
        !arena_copy(&f->arena, str_trim(str_skip(line, colon + 1)), &field.value)) {
        f->broken = "the response headers are too large";
        return 0;
    }
    vec_push(&f->fields, field);
    return size * count;
}

/* libcurl writes "name;" for a field without value, and drops "name:". */
static bool add_header(struct fetch *f, const struct fetch_field *field)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    bool ok = buf_add(&line, field->name) && buf_addf(&line, field->value.len > 0 ? ": " : ";") &&
              buf_add(&line, field->value);
    if (ok) {
        struct curl_slist *longer = curl_slist_append(f->headers, buf_cstr(&line));
        ok = longer != NULL;
        f->headers = ok ? longer : f->headers;
    }
    buf_finish(&line);
    return ok;
}

static bool set_headers(struct fetch *f, const struct fetch_request *r)
{
    bool ok = true;
    for (size_t i = 0; ok && i < r->field_count; i++) {
        const struct str name = r->fields[i].name;
        /* The framing is libcurl's. */
        if (str_eq_nocase(name, STR("content-length")) ||
            str_eq_nocase(name, STR("transfer-encoding")) || str_eq_nocase(name, STR("connection")))
            continue;
        ok = add_header(f, &r->fields[i]);
    }
    struct curl_slist *longer = ok ? curl_slist_append(f->headers, "Expect:") : NULL;
    if (longer == NULL)
        return false;
    f->headers = longer;
    return curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers) == CURLE_OK;
}

static bool set_text(CURL *easy, CURLoption option, struct str s)
{
    char *copy = mem_dup(s.p, s.len);
    const bool ok = curl_easy_setopt(easy, option, copy) == CURLE_OK;
    free(copy);
    return ok;
}

/* A HEAD request has no body to wait for; another method than GET, or a body, is told to libcurl by name. */
static bool set_method(struct fetch *f, const struct fetch_request *r)
{
    if (str_eq(r->method, STR("HEAD")))
        return curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (r->has_body) {
        const struct str body = buf_str(&f->upload);
        if (curl_easy_setopt(f->easy, CURLOPT_POST, 1L) != CURLE_OK ||
            curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, body.len > 0 ? body.p : "") != CURLE_OK ||
            curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) !=
                CURLE_OK)
            return false;
        return str_eq(r->method, STR("POST")) ||
               set_text(f->easy, CURLOPT_CUSTOMREQUEST, r->method);
    }
    if (str_eq(r->method, STR("GET")))
        return true;
    if (!str_eq(r->method, STR("POST")))
        return set_text(f->easy, CURLOPT_CUSTOMREQUEST, r->method);
    return curl_easy_setopt(f->easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, "") == CURLE_OK &&
           curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE, 0L) == CURLE_OK;
}

static bool set_options(struct fetch *f, const struct fetch_request *r)
{
    CURL *e = f->easy;
    const long follow = r->redirect == FETCH_FOLLOW ? 1 : 0;
    bool ok = set_text(e, CURLOPT_URL, r->url) && set_headers(f, r) && set_method(f, r);
    ok = ok && curl_easy_setopt(e, CURLOPT_PRIVATE, f) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->message) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, follow) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_USERAGENT, "DGate") == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEDATA, f) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    return ok && curl_easy_setopt(e, CURLOPT_HEADERDATA, f) == CURLE_OK;
}

struct fetch *fetch_start(struct fetch_pool *p, const struct fetch_request *request,
                          fetch_done done, void *user, const char **error)
{
    struct fetch *f = mem_alloc(sizeof(*f));
    f->pool = p;
    f->done = done;
    f->user = user;
    f->refuse_redirect = request->redirect == FETCH_ERROR;
    f->easy = curl_easy_init();
    if (f->easy == NULL)
        abort();
    arena_init(&f->arena, HEADERS_MAX);
    buf_init(&f->body, request->body_max);
    buf_init(&f->upload, request->body.len);
    if (!buf_add(&f->upload, request->body) || !set_options(f, request)) {
        *error = "the request cannot be made";
        destroy(f);
        return NULL;
    }
    const CURLMcode code = curl_multi_add_handle(p->multi, f->easy);
    if (code != CURLM_OK) {
        *error = curl_multi_strerror(code);
        destroy(f);
        return NULL;
    }
    return f;
}

void fetch_cancel(struct fetch *f)
{
    destroy(f);
}
