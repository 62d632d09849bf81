/* A name has an entry from the first question on. It waits for c-ares (asking), or holds an answer, or remembers a
 * failure until due_ms. Queries wait in the entry; what c-ares decides is handed out by a task, since c-ares
 * may decide from within our own call.
 */
#include "io/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/hmap.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/poller.h"
#include "io/timeout.h"

enum {
    TTL_MIN_MS = 1000,
    STALE_MS = 30000, /* an expired answer is given so long while it is renewed */
    TRIES = 2,
    NAME_MAX_LEN = 255,
    POLL_MS = 100, /* c-ares looks at its timeouts at least so often while it has questions */
};

struct resolver_entry {
    struct hmap_node node;
    struct ilist_node decided; /* in resolver.decided: the queries are to be told */
    struct resolver *resolver;
    struct ilist queries;
    bool asking;
    bool telling; /* its queries are being told */
    bool has_answer;
    uint64_t due_ms;   /* of the answer, or of the failure */
    const char *error; /* of the last question; NULL: it was answered */
    struct resolver_answer answer;
    uint32_t next; /* where the next answer begins */
    char name[];
};

/* A socket of c-ares. */
struct watched {
    struct ilist_node node;
    struct resolver *resolver;
    struct poller *poller;
    ares_socket_t fd;
};

struct resolver {
    struct loop *loop;
    struct resolver_options options;
    ares_channel channel;
    struct hmap names;
    struct ilist decided;
    struct ilist sockets;
    struct loop_task task;
    struct timeout timer;
    uint32_t asking;
    bool closing;
};

static void set_timer(struct resolver *r)
{
    struct timeval most = {.tv_usec = POLL_MS * 1000};
    struct timeval tv;
    if (r->asking == 0) {
        timeout_clear(&r->timer);
        return;
    }
    const struct timeval *wait = ares_timeout(r->channel, &most, &tv);
    const uint64_t ms = (uint64_t)wait->tv_sec * 1000 + (uint64_t)wait->tv_usec / 1000;
    timeout_set(&r->timer, ms + 1);
}

static void on_timer(struct timeout *t)
{
    struct resolver *r = container_of(t, struct resolver, timer);
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_poll(void *user, int events)
{
    const struct watched *w = user;
    struct resolver *r = w->resolver;
    const ares_socket_t fd = w->fd;
    ares_process_fd(r->channel, (events & POLLER_READ) != 0 ? fd : ARES_SOCKET_BAD,
                    (events & POLLER_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = data;
    struct watched *w = NULL;
    ilist_for_each (n, &r->sockets) {
        struct watched *each = container_of(n, struct watched, node);
        if (each->fd == fd)
            w = each;
    }
    if (!readable && !writable) {
        if (w == NULL)
            return;
        ilist_remove(&w->node);
        poller_destroy(w->poller);
        free(w);
        return;
    }
    if (w == NULL) {
        w = mem_alloc(sizeof(*w));
        w->resolver = r;
        w->fd = fd;
        w->poller = poller_create(r->loop, fd, on_poll, w);
        ilist_push(&r->sockets, &w->node);
    }
    poller_watch(w->poller, (readable ? POLLER_READ : 0) | (writable ? POLLER_WRITE : 0));
}

static void entry_destroy(struct resolver_entry *e)
{
    assert(!e->asking && ilist_empty(&e->queries));
    hmap_remove(&e->resolver->names, &e->node);
    ilist_remove(&e->decided);
    free(e);
}

/* The answer, beginning with the next address of those of the first one's family; the others are for when all of
 * these fail. */
static void give(struct resolver_entry *e, struct resolver_answer *ret)
{
    const struct resolver_answer *a = &e->answer;
    uint32_t same = 1;
    assert(a->n > 0);
    while (same < a->n && a->v[same].any.sa_family == a->v[0].any.sa_family)
        same++;
    const uint32_t first = e->next++ % same;
    *ret = *a;
    for (uint32_t i = 0; i < same; i++)
        ret->v[i] = a->v[(first + i) % same];
}

/* Tells those that wait now; who asks again from there waits for the next turn. */
static void tell(struct resolver_entry *e)
{
    struct ilist now;
    struct ilist_node *n = NULL;
    ilist_init(&now);
    while ((n = ilist_pop(&e->queries)) != NULL)
        ilist_push(&now, n);
    e->telling = true;
    while ((n = ilist_pop(&now)) != NULL) {
        struct resolver_query *q = container_of(n, struct resolver_query, node);
        struct resolver_answer answer;
        q->entry = NULL;
        if (e->has_answer) {
            give(e, &answer);
            q->done(q, &answer, NULL);
        } else {
            q->done(q, NULL, e->error);
        }
    }
    e->telling = false;
}

static void on_task(struct loop_task *t)
{
    struct resolver *r = container_of(t, struct resolver, task);
    struct ilist now;
    struct ilist_node *n = NULL;
    ilist_init(&now);
    while ((n = ilist_pop(&r->decided)) != NULL)
        ilist_push(&now, n);
    while ((n = ilist_pop(&now)) != NULL)
        tell(container_of(n, struct resolver_entry, decided));
}

static void decide(struct resolver_entry *e)
{
    if (!ilist_linked(&e->decided))
        ilist_push(&e->resolver->decided, &e->decided);
    loop_schedule(e->resolver->loop, &e->resolver->task);
}

/* Takes the addresses over; *ttl_ms is the shortest of their TTLs. False when there is none. */
static bool take_addresses(const struct ares_addrinfo *info, struct resolver_answer *ret,
                           uint64_t *ttl_ms)
{
    ret->n = 0;
    for (const struct ares_addrinfo_node *n = info->nodes; n != NULL; n = n->ai_next) {
        if (ret->n == RESOLVER_ADDRESSES_MAX || n->ai_addrlen > sizeof(ret->v[0]) ||
            (n->ai_family != AF_INET && n->ai_family != AF_INET6))
            continue;
        ret->v[ret->n] = (union resolver_address){0};
        memcpy(&ret->v[ret->n++], n->ai_addr, n->ai_addrlen);
        const uint64_t ttl = n->ai_ttl > 0 ? (uint64_t)n->ai_ttl * 1000 : 0;
        if (ttl < *ttl_ms)
            *ttl_ms = ttl;
    }
    return ret->n > 0;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    (void)timeouts;
    struct resolver_entry *e = arg;
    struct resolver *r = e->resolver;
    const uint64_t now = loop_now_ms(r->loop);
    struct resolver_answer answer = {0};
    uint64_t ttl = r->options.ttl_max_ms;

    e->asking = false;
    r->asking--;
    if (status == ARES_SUCCESS && take_addresses(info, &answer, &ttl)) {
        e->answer = answer;
        e->has_answer = true;
        e->error = NULL;
        e->due_ms = now + (ttl > TTL_MIN_MS ? ttl : TTL_MIN_MS);
    } else {
        e->error = ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
        e->due_ms = now + r->options.negative_ms;
    }
    if (info != NULL)
        ares_freeaddrinfo(info);
    if (!r->closing)
        decide(e);
}

static void ask(struct resolver_entry *e)
{
    struct resolver *r = e->resolver;
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    e->asking = true;
    r->asking++;
    ares_getaddrinfo(r->channel, e->name, NULL, &hints, on_answer, e);
    set_timer(r);
}

/* Makes room for a name: one that nobody waits for, expired if possible. */
static bool evict(struct resolver *r)
{
    const uint64_t now = loop_now_ms(r->loop);
    struct resolver_entry *victim = NULL;
    hmap_for_each (n, &r->names) {
        struct resolver_entry *e = container_of(n, struct resolver_entry, node);
        if (e->asking || e->telling || !ilist_empty(&e->queries) || e->node.key.len == 0)
            continue;
        victim = e;
        if (e->due_ms <= now)
            break;
    }
    if (victim == NULL)
        return false;
    entry_destroy(victim);
    return true;
}

static struct resolver_entry *entry_create(struct resolver *r, struct str host)
{
    struct resolver_entry *e = mem_alloc(sizeof(*e) + host.len + 1);
    if (host.len > 0)
        memcpy(e->name, host.p, host.len);
    e->resolver = r;
    ilist_init(&e->queries);
    hmap_add(&r->names, &e->node, (struct str){e->name, host.len});
    return e;
}

/* The entry of a name, made if need be; NULL when there are too many. */
static struct resolver_entry *entry_of(struct resolver *r, struct str host)
{
    struct hmap_node *n = hmap_get(&r->names, host);
    if (n != NULL)
        return container_of(n, struct resolver_entry, node);
    if (r->names.count >= r->options.names_max && !evict(r))
        return NULL;
    return entry_create(r, host);
}

bool resolver_is_address(struct str host, union resolver_address *ret)
{
    char text[INET6_ADDRSTRLEN + 1] = {0};
    union resolver_address a = {0};
    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    memcpy(text, host.p, host.len);
    if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
        a.in.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1)
        a.in6.sin6_family = AF_INET6;
    else
        return false;
    *ret = a;
    return true;
}

/* RFC 6761 section 6.3: always the loopback, whatever servers say. */
static bool is_localhost(struct str host)
{
    return str_eq_nocase(host, STR("localhost")) || str_eq_nocase(host, STR("localhost."));
}

bool resolver_lookup(struct resolver *r, struct str host, struct resolver_answer *ret)
{
    if (resolver_is_address(host, &ret->v[0])) {
        ret->n = 1;
        return true;
    }
    if (is_localhost(host)) {
        *ret = (struct resolver_answer){.n = 2};
        ret->v[0].in =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        ret->v[1].in6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
        return true;
    }
    struct hmap_node *n = hmap_get(&r->names, host);
    if (n == NULL)
        return false;
    struct resolver_entry *e = container_of(n, struct resolver_entry, node);
    const uint64_t now = loop_now_ms(r->loop);
    if (!e->has_answer)
        return false;
    if (now >= e->due_ms) {
        /* A failure was remembered until now: the answer before it stays good until the next one. */
        if (e->error == NULL && now - e->due_ms > STALE_MS)
            return false;
        if (!e->asking)
            ask(e);
    }
    give(e, ret);
    return true;
}

void resolver_ask(struct resolver *r, struct resolver_query *q, struct str host)
{
    assert(q->done != NULL && !ilist_linked(&q->node));
    const struct str none = {"", 0};
    struct resolver_entry *e = entry_of(r, host.len <= NAME_MAX_LEN ? host : none);
    if (e == NULL)
        e = entry_of(r, none);
    q->entry = e;
    ilist_push(&e->queries, &q->node);
    if (e->asking)
        return;
    if (e->node.key.len == 0) {
        e->error = "the name is too long, or too many names are asked for";
        decide(e);
        return;
    }
    const uint64_t now = loop_now_ms(r->loop);
    if ((e->has_answer || e->error != NULL) && now < e->due_ms)
        decide(e);
    else
        ask(e);
}

void resolver_cancel(struct resolver_query *q)
{
    ilist_remove(&q->node);
    q->entry = NULL;
}

socklen_t resolver_address_size(const union resolver_address *a)
{
    return a->any.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

void resolver_address_host(const union resolver_address *a, char ret[INET6_ADDRSTRLEN])
{
    const void *bytes = a->any.sa_family == AF_INET ? (const void *)&a->in.sin_addr
                                                    : (const void *)&a->in6.sin6_addr;
    if (inet_ntop(a->any.sa_family, bytes, ret, INET6_ADDRSTRLEN) == NULL)
        ret[0] = '\0';
}

void resolver_address_text(const union resolver_address *a, char ret[RESOLVER_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN];
    resolver_address_host(a, host);
    const bool v4 = a->any.sa_family == AF_INET;
    (void)snprintf(ret, RESOLVER_TEXT_SIZE, v4 ? "%s:%u" : "[%s]:%u", host,
                   ntohs(v4 ? a->in.sin_port : a->in6.sin6_port));
}

struct resolver *resolver_create(struct loop *loop, const struct resolver_options *options)
{
    struct resolver *r = mem_alloc(sizeof(*r));
    assert(options->names_max > 0);
    r->loop = loop;
    r->options = *options;
    r->task.run = on_task;
    ilist_init(&r->decided);
    ilist_init(&r->sockets);
    timeout_init(&r->timer, loop, on_timer);

    struct ares_options ares = {
        .timeout = (int)(options->timeout_ms < INT32_MAX ? options->timeout_ms : INT32_MAX),
        .tries = TRIES,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = r,
    };
    const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
        ares_init_options(&r->channel, &ares, mask) != ARES_SUCCESS)
        abort();
    (void)entry_create(r, (struct str){"", 0}); /* for names that cannot be asked for */
    if (options->servers != NULL &&
        ares_set_servers_ports_csv(r->channel, options->servers) != ARES_SUCCESS)
        abort();
    return r;
}

void resolver_destroy(struct resolver *r)
{
    if (r == NULL)
        return;
    r->closing = true;
    ares_destroy(r->channel);
    ares_library_cleanup();
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&r->names)) != NULL)
        entry_destroy(container_of(n, struct resolver_entry, node));
    hmap_finish(&r->names);
    assert(ilist_empty(&r->sockets));
    loop_unschedule(&r->task);
    timeout_finish(&r->timer);
    free(r);
}
