/* libcurl's callbacks only gather what came; the owner's events are called from a task of the call, so that an owner
 * may do anything to any exchange, which libcurl does not allow from within its callbacks.
 */
#include "script/fetch_curl.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/container.h"
#include "base/mem.h"
#include "codec/ip_address.h"
#include "http/exchange_impl.h"
#include "io/loop.h"
#include "io/poller.h"
#include "io/timeout.h"

enum { LINE_MAX_BYTES = 128 * 1024, HOST_MAX_BYTES = 300, MS_PER_S = 1000 };

struct client {
    struct http_client base;
    struct fetch_curl_options options;
    struct loop *loop;
    CURLM *multi;
    struct timeout timeout;
    struct ilist calls;
};

static_assert(offsetof(struct client, base) == 0, "client_stats() relies on it");

struct call {
    struct exchange x;
    struct ilist_node node; /* in the client's calls */
    struct client *client;
    struct loop_task task;
    CURL *easy;
    struct curl_slist *headers;
    struct buf upload; /* what is not sent yet */
    bool started;
    struct buf text; /* the response's head */
    struct http1_head head;
    struct str method;
    bool has_head;
    bool told_head;
    struct buf in; /* of its body */
    size_t credit;
    bool paused;
    bool finished;
    CURLcode result;
    const char *broken; /* why we ended it ourselves */
    char refused[IP_ADDRESS_TEXT_SIZE];
    char message[CURL_ERROR_SIZE]; /* libcurl's */
    char detail[CURL_ERROR_SIZE + IP_ADDRESS_TEXT_SIZE];
};

/* A socket of libcurl's. */
struct watched {
    struct client *client;
    struct poller *poller;
    curl_socket_t fd;
};

static struct call *of(struct exchange *x)
{
    return container_of(x, struct call, x);
}

static void schedule(struct call *c)
{
    loop_schedule(c->client->loop, &c->task);
}

/* libcurl's sockets and clock on our loop. */

static void read_finished(struct client *k)
{
    const CURLMsg *m = NULL;
    int left = 0;
    while ((m = curl_multi_info_read(k->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE)
            continue;
        const CURLcode result = m->data.result;
        struct call *c = NULL;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        (void)curl_multi_remove_handle(k->multi, c->easy);
        c->finished = true;
        c->result = result;
        schedule(c);
    }
}

static void act(struct client *k, curl_socket_t fd, int mask)
{
    int running = 0;
    (void)curl_multi_socket_action(k->multi, fd, mask, &running);
    read_finished(k);
}

static void on_ready(void *user, int events)
{
    const struct watched *w = user;
    int mask = 0;
    mask |= (events & POLLER_READ) != 0 ? CURL_CSELECT_IN : 0;
    mask |= (events & POLLER_WRITE) != 0 ? CURL_CSELECT_OUT : 0;
    act(w->client, w->fd, mask); /* w may be gone now */
}

static void on_timeout(struct timeout *t)
{
    act(container_of(t, struct client, timeout), CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_SOCKETFUNCTION: what libcurl wants to know of a socket. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy;
    struct client *k = user;
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
        *w = (struct watched){.client = k, .fd = fd};
        w->poller = poller_create(k->loop, fd, on_ready, w);
        (void)curl_multi_assign(k->multi, fd, w);
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
    struct client *k = user;
    if (ms < 0)
        timeout_clear(&k->timeout);
    else
        timeout_set(&k->timeout, (uint64_t)ms);
    return 0;
}

/* What libcurl gives and takes. */

static size_t on_body(const char *bytes, size_t size, size_t count, void *user)
{
    struct call *c = user;
    const size_t n = size * count;
    if (c->in.len >= c->client->options.buffer) {
        c->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (n > 0 && !buf_add(&c->in, (struct str){bytes, n}))
        return 0;
    schedule(c);
    return n;
}

static bool read_head(struct call *c)
{
    const struct http1_error *error = NULL;
    struct http1_reader reader = {.limits = &c->client->options.limits, .arena = &c->x.arena};
    size_t used = 0;
    const enum http1_result result =
        http1_read_response(&reader, buf_str(&c->text), c->method, &c->head, &used, &error);
    if (result != HTTP1_DONE) {
        c->broken = result == HTTP1_ERROR ? error->text : "the response's header is incomplete";
        return false;
    }
    c->has_head = c->head.head.status >= 200;
    if (c->has_head)
        schedule(c);
    else
        buf_clear(&c->text);
    return true;
}

/* Called for each line. What comes after the head are trailers. */
static size_t on_header(const char *bytes, size_t size, size_t count, void *user)
{
    struct call *c = user;
    const struct str line = {bytes, size * count};
    if (c->has_head)
        return line.len;
    if (!buf_add(&c->text, line)) {
        c->broken = "the response's header is too large";
        return 0;
    }
    const bool last = str_eq(line, STR("\r\n")) || str_eq(line, STR("\n"));
    return last && !read_head(c) ? 0 : line.len;
}

static size_t on_upload(char *to, size_t size, size_t count, void *user)
{
    struct call *c = user;
    const struct str left = buf_str(&c->upload);
    const size_t n = left.len < size * count ? left.len : size * count;
    if (n > 0)
        memcpy(to, left.p, n);
    buf_consume(&c->upload, n);
    return n;
}

/* libcurl would send a body again when a kept connection turns out to be closed: it may have been read. */
static int on_rewind(void *user, curl_off_t offset, int origin)
{
    (void)user;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct call *c = user;
    struct ip_address ip;
    (void)purpose;
    if (c->client->options.refuse_private && ip_address_of_socket(&a->addr, &ip) &&
        ip_address_is_private(&ip)) {
        (void)ip_address_text(&ip, c->refused);
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* A request in libcurl's terms. */

/* libcurl writes "name;" for a field without value, and drops "name:". */
static bool add_header(struct call *c, struct str name, struct str value)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    bool ok = buf_add(&line, name) && buf_addf(&line, value.len > 0 ? ": " : ";") &&
              buf_add(&line, value);
    if (ok) {
        struct curl_slist *longer = curl_slist_append(c->headers, buf_cstr(&line));
        if (longer == NULL)
            abort();
        c->headers = longer;
    }
    buf_finish(&line);
    return ok;
}

/* The framing and the connection are libcurl's. */
static const bool IS_LIBCURLS[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_CONNECTION] = true, [HTTP_FIELD_CONTENT_LENGTH] = true,
    [HTTP_FIELD_EXPECT] = true,     [HTTP_FIELD_HOST] = true,
    [HTTP_FIELD_KEEP_ALIVE] = true, [HTTP_FIELD_PROXY_CONNECTION] = true,
    [HTTP_FIELD_TE] = true,         [HTTP_FIELD_TRAILER] = true,
    [HTTP_FIELD_UPGRADE] = true,    [HTTP_FIELD_TRANSFER_ENCODING] = true,
};

static bool set_headers(struct call *c, const struct http_head *head)
{
    static const char *const own[] = {"Expect:", "Accept:", "Content-Type:"};
    bool ok = http_head_is_value(head->authority) && add_header(c, STR("Host"), head->authority);
    for (uint32_t i = 0; ok && i < head->fields.n; i++) {
        const struct http_field *f = &head->fields.v[i];
        if (!IS_LIBCURLS[f->id])
            ok = http_head_is_token(f->name) && http_head_is_value(f->value) &&
                 add_header(c, f->name, f->value);
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        const struct str name = {own[i], strlen(own[i]) - 1};
        if (http_head_find_name(&head->fields, name) == NULL) {
            c->headers = curl_slist_append(c->headers, own[i]);
            if (c->headers == NULL)
                abort();
        }
    }
    return ok;
}

static void set_long(struct call *c, CURLoption option, long value)
{
    if (curl_easy_setopt(c->easy, option, value) != CURLE_OK)
        abort();
}

static bool set_text(struct call *c, CURLoption option, struct str s)
{
    char *copy = mem_dup(s.p, s.len);
    const bool ok = curl_easy_setopt(c->easy, option, copy) == CURLE_OK;
    free(copy);
    return ok;
}

static bool set_url(struct call *c, const struct http_client_request *r)
{
    struct buf url;
    const bool v6 = str_contains(r->host, STR(":"));
    buf_init(&url, HOST_MAX_BYTES + r->head->target.len);
    const bool ok = buf_addf(&url, "%.*s://%s%.*s%s:%u", STR_ARG(r->head->scheme), v6 ? "[" : "",
                             STR_ARG(r->host), v6 ? "]" : "", (unsigned)r->port) &&
                    buf_add(&url, r->head->target) && set_text(c, CURLOPT_URL, buf_str(&url));
    buf_finish(&url);
    return ok;
}

/* Only a connection made for it can be trusted not to make libcurl send what is not idempotent twice. */
static bool set_method(struct call *c, const struct http_head *head)
{
    if (!http_head_method_idempotent(head->method) && head->no_body)
        set_long(c, CURLOPT_FRESH_CONNECT, 1);
    if (str_eq(head->method, STR("HEAD"))) {
        set_long(c, CURLOPT_NOBODY, 1);
        return true;
    }
    if (!head->no_body || str_eq(head->method, STR("POST"))) {
        set_long(c, CURLOPT_POST, 1);
        if (curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                             (curl_off_t)head->content_length) != CURLE_OK)
            abort();
    }
    return set_text(c, CURLOPT_CUSTOMREQUEST, head->method);
}

static void set_limits(struct call *c, const struct http_client_request *r)
{
    const struct fetch_curl_options *o = &c->client->options;
    set_long(c, CURLOPT_NOSIGNAL, 1);
    set_long(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_long(c, CURLOPT_PATH_AS_IS, 1);
    set_long(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
    set_long(c, CURLOPT_FOLLOWLOCATION, 0);
    set_long(c, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_timeout_ms);
    set_long(c, CURLOPT_LOW_SPEED_LIMIT, 1);
    set_long(c, CURLOPT_LOW_SPEED_TIME, (long)((o->idle_timeout_ms + MS_PER_S - 1) / MS_PER_S));
    set_long(c, CURLOPT_MAXAGE_CONN, (long)((o->keepalive_ms + MS_PER_S - 1) / MS_PER_S));
}

static void set_callbacks(struct call *c)
{
    CURL *e = c->easy;
    bool ok = curl_easy_setopt(e, CURLOPT_PRIVATE, c) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->message) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEDATA, c) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HEADERDATA, c) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_READFUNCTION, on_upload) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_READDATA, c) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_rewind) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c) == CURLE_OK;
    if (!ok)
        abort();
}

static bool set_request(struct call *c, const struct http_client_request *r)
{
    bool ok = set_url(c, r) && set_headers(c, r->head) && set_method(c, r->head) &&
              curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    /* Authorities that are trusted in place of the system's, as OpenSSL and curl's command have it. */
    const char *authorities = getenv("SSL_CERT_FILE");
    if (authorities != NULL && authorities[0] != '\0')
        ok = ok && curl_easy_setopt(c->easy, CURLOPT_CAINFO, authorities) == CURLE_OK;
    if (c->client->options.refuse_private)
        ok = ok && curl_easy_setopt(c->easy, CURLOPT_PROXY, "") == CURLE_OK;
    set_limits(c, r);
    set_callbacks(c);
    return ok;
}

/* The steps of a call. */

static void release(struct call *c)
{
    if (c->started && !c->finished)
        (void)curl_multi_remove_handle(c->client->multi, c->easy);
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_finish(&c->upload);
    buf_finish(&c->in);
    loop_unschedule(&c->task);
    ilist_remove(&c->node);
    exchange_impl_done(&c->x);
    buf_finish(&c->text);
    free(c);
}

static enum exchange_reset_code code_of(const struct call *c)
{
    static const struct {
        CURLcode result;
        enum exchange_reset_code code;
    } known[] = {
        {CURLE_COULDNT_RESOLVE_HOST, EXCHANGE_RESOLVE},
        {CURLE_COULDNT_RESOLVE_PROXY, EXCHANGE_RESOLVE},
        {CURLE_COULDNT_CONNECT, EXCHANGE_CONNECT},
        {CURLE_SSL_CONNECT_ERROR, EXCHANGE_CONNECT},
        {CURLE_PEER_FAILED_VERIFICATION, EXCHANGE_CONNECT},
        {CURLE_SSL_CERTPROBLEM, EXCHANGE_CONNECT},
        {CURLE_SSL_CIPHER, EXCHANGE_CONNECT},
        {CURLE_SSL_CACERT_BADFILE, EXCHANGE_CONNECT},
        {CURLE_GOT_NOTHING, EXCHANGE_PEER_CLOSED},
        {CURLE_PARTIAL_FILE, EXCHANGE_PEER_CLOSED},
        {CURLE_SEND_ERROR, EXCHANGE_PEER_RESET},
        {CURLE_SEND_FAIL_REWIND, EXCHANGE_PEER_RESET},
        {CURLE_RECV_ERROR, EXCHANGE_PEER_RESET},
    };
    curl_off_t ready = 0;
    if (c->result == CURLE_OPERATION_TIMEDOUT) {
        (void)curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
        return ready > 0 ? EXCHANGE_TIMEOUT : EXCHANGE_CONNECT_TIMEOUT;
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].result == c->result)
            return known[i].code;
    return EXCHANGE_PROTOCOL;
}

static void fail(struct call *c, enum exchange_reset_code code, const char *detail)
{
    const struct exchange_reset why = {.code = code, .detail = detail};
    exchange_impl_reset(&c->x, &why);
    release(c);
}

static void report_failure(struct call *c)
{
    const char *detail = c->broken;
    if (detail == NULL && c->refused[0] != '\0' && c->result == CURLE_COULDNT_CONNECT) {
        (void)snprintf(c->detail, sizeof(c->detail),
                       "%s: a private address (proxy.client_transport.disable_private_ips)",
                       c->refused);
        detail = c->detail;
    } else if (detail == NULL) {
        detail = c->message[0] != '\0' ? c->message : curl_easy_strerror(c->result);
    }
    fail(c, c->broken != NULL ? EXCHANGE_PROTOCOL : code_of(c), detail);
}

/* Hands over what came, as far as credit goes. */
static void deliver(struct call *c)
{
    while (c->in.len > 0 && c->credit > 0 && !c->x.reset_done) {
        struct str data = buf_str(&c->in);
        if (data.len > c->credit)
            data.len = c->credit;
        c->credit -= data.len;
        exchange_impl_data(&c->x, data);
        buf_consume(&c->in, data.len);
    }
    if (!c->paused || c->finished || c->x.reset_done || c->in.len > c->client->options.buffer / 2)
        return;
    c->paused = false;
    (void)curl_easy_pause(c->easy, CURLPAUSE_CONT);
}

static void start(struct call *c)
{
    c->started = true;
    if (curl_multi_add_handle(c->client->multi, c->easy) != CURLM_OK)
        abort();
}

static void on_task(struct loop_task *t)
{
    struct call *c = container_of(t, struct call, task);
    if (!c->started && c->broken == NULL && !c->x.reset_done && c->x.end_sent)
        start(c);
    if (c->has_head && !c->told_head && !c->x.reset_done) {
        c->told_head = true;
        exchange_impl_head(&c->x, &c->head.head);
    }
    deliver(c);
    if (c->x.reset_done)
        release(c);
    else if (c->broken != NULL || (c->finished && c->result != CURLE_OK))
        report_failure(c);
    else if (c->finished && c->in.len == 0) {
        exchange_impl_end(&c->x, NULL);
        release(c);
    }
}

/* What the owner calls. */

static void call_grant(struct exchange *x, size_t n)
{
    struct call *c = of(x);
    c->credit = n > SIZE_MAX - c->credit ? SIZE_MAX : c->credit + n;
    schedule(c);
}

static void call_send_data(struct exchange *x, struct str data)
{
    struct call *c = of(x);
    if (!buf_add(&c->upload, data))
        c->broken = "the request's body is longer than announced";
}

static void call_send_end(struct exchange *x, const struct http_fields *trailers)
{
    (void)trailers;
    struct call *c = of(x);
    if (c->upload.len < c->upload.max)
        c->broken = "the request's body is shorter than announced";
    schedule(c);
}

static size_t call_room(const struct exchange *x)
{
    (void)x;
    return SIZE_MAX;
}

static void call_reset(struct exchange *x, enum exchange_reset_code code)
{
    (void)code;
    schedule(of(x));
}

static const struct exchange_impl call_impl = {
    .grant = call_grant,
    .send_data = call_send_data,
    .send_end = call_send_end,
    .room = call_room,
    .reset = call_reset,
};

static struct exchange *client_open(struct http_client *client, const struct http_client_request *r)
{
    struct client *k = container_of(client, struct client, base);
    struct call *c = mem_alloc(sizeof(*c));
    assert(r->head->content_length >= 0);
    exchange_impl_init(&c->x, &call_impl, k->options.request_memory);
    c->x.events = r->events;
    c->x.user = r->user;
    c->x.secure = str_eq(r->head->scheme, STR("https"));
    c->x.head_sent = true;
    c->x.end_sent = r->head->no_body;
    c->client = k;
    c->task.run = on_task;
    c->method = str_eq(r->head->method, STR("HEAD")) ? STR("HEAD") : STR("GET");
    ilist_push(&k->calls, &c->node);
    buf_init(&c->upload, (size_t)r->head->content_length);
    buf_init(&c->text, (size_t)k->options.limits.line_max + k->options.limits.head_max);
    buf_init(&c->in, k->options.buffer + CURL_MAX_WRITE_SIZE);
    c->easy = curl_easy_init();
    if (c->easy == NULL)
        abort();
    if (!set_request(c, r))
        c->broken = "the request's head cannot be written";
    schedule(c);
    return &c->x;
}

static void client_stats(const struct http_client *client, struct http_client_stats *ret)
{
    const struct client *k = (const struct client *)(const void *)client;
    *ret = (struct http_client_stats){0};
    ilist_for_each (n, &k->calls)
        ret->active++;
}

static void client_destroy(struct http_client *client)
{
    struct client *k = container_of(client, struct client, base);
    while (!ilist_empty(&k->calls)) {
        struct call *c = container_of(k->calls.head.next, struct call, node);
        if (c->x.reset_done)
            release(c);
        else
            fail(c, EXCHANGE_SHUTDOWN, NULL);
    }
    (void)curl_multi_cleanup(k->multi);
    timeout_finish(&k->timeout);
    curl_global_cleanup();
    free(k);
}

static const struct http_client_impl client_impl = {
    .open = client_open,
    .stats = client_stats,
    .destroy = client_destroy,
};

struct http_client *fetch_curl_create(struct loop *loop, const struct fetch_curl_options *options)
{
    struct client *k = mem_alloc(sizeof(*k));
    k->base.impl = &client_impl;
    k->options = *options;
    k->loop = loop;
    ilist_init(&k->calls);
    timeout_init(&k->timeout, loop, on_timeout);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    k->multi = curl_multi_init();
    if (k->multi == NULL)
        abort();
    (void)curl_multi_setopt(k->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(k->multi, CURLMOPT_SOCKETDATA, k);
    (void)curl_multi_setopt(k->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(k->multi, CURLMOPT_TIMERDATA, k);
    (void)curl_multi_setopt(k->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                            (long)options->connections_max);
    (void)curl_multi_setopt(k->multi, CURLMOPT_MAXCONNECTS, (long)options->idle_max);
    return &k->base;
}

bool fetch_curl_has_http_proxy(void)
{
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return true;
    }
    return false;
}
