#include "http/exchange_mem.h"

#include <assert.h>
#include <stdlib.h>

#include "base/ilist.h"
#include "base/mem.h"
#include "http/exchange_impl.h"

enum { MEMORY_MAX = 1 << 20, BODY_MAX = 1 << 28 };

enum item_kind { ITEM_INFO, ITEM_HEAD, ITEM_DATA, ITEM_END, ITEM_RESET };

/* What the peer did and the owner was not told yet. */
struct item {
    struct ilist_node node;
    enum item_kind kind;
    struct arena arena; /* of head and trailers */
    struct http_head head;
    struct http_fields trailers;
    struct buf data;
    struct exchange_reset reset;
};

struct exchange_mem {
    struct exchange x;
    struct ilist items;
    struct arena kept; /* what must outlive the exchange's own arena */
    struct exchange_mem_sent sent;
    struct http_client_request to; /* client side */
    struct http_head to_head;
    struct http_head got; /* server side: the request; client side: the response */
    struct http_fields trailers;
    struct ilist_node of_client; /* all of a client */
    struct ilist_node untaken;   /* those exchange_mem_client_next() has to return */
    bool client_side;
    bool peer_ended; /* the test queued an end or a reset */
    bool no_body;    /* what we send has none */
    bool tunnel;
    bool failed; /* the owner broke the announced length; fail is to be delivered */
    struct exchange_reset fail;
    bool room_due;
    bool takes_at_once;
    size_t room;
    size_t credit;
    size_t buffered;
    int64_t left; /* of the announced length, or HTTP_LENGTH_UNKNOWN */
};

struct client_mem {
    struct http_client client;
    size_t room;
    struct ilist all;
    struct ilist untaken;
    struct http_client_stats stats;
};

static_assert(offsetof(struct exchange_mem, x) == 0, "of_const() relies on it");
static_assert(offsetof(struct client_mem, client) == 0, "client_stats() relies on it");

static struct exchange_mem *of(struct exchange *x)
{
    return container_of(x, struct exchange_mem, x);
}

static const struct exchange_mem *of_const(const struct exchange *x)
{
    return (const struct exchange_mem *)(const void *)x;
}

static const struct http_head *keep_head(struct exchange_mem *m, const struct http_head *head)
{
    struct http_head *copy = arena_alloc(&m->kept, sizeof(*copy));
    if (copy == NULL || !http_head_copy(&m->kept, head, copy))
        abort();
    return copy;
}

static const struct http_fields *copy_fields(struct arena *a, const struct http_fields *fields)
{
    struct http_head *copy = arena_alloc(a, sizeof(*copy));
    const struct http_head head = {.fields = *fields};
    if (copy == NULL || !http_head_copy(a, &head, copy))
        abort();
    return &copy->fields;
}

/* What the owner calls. */

static void mem_grant(struct exchange *x, size_t n)
{
    struct exchange_mem *m = of(x);
    m->credit = n > SIZE_MAX - m->credit ? SIZE_MAX : m->credit + n;
    m->sent.granted = n > SIZE_MAX - m->sent.granted ? SIZE_MAX : m->sent.granted + n;
    if (!m->client_side && x->request->expect_continue && !x->head_sent)
        m->sent.continued = true;
}

static void mem_send_info(struct exchange *x, const struct http_head *head)
{
    struct exchange_mem *m = of(x);
    assert(!m->client_side && m->sent.info_count < ARRAY_LEN(m->sent.infos));
    m->sent.infos[m->sent.info_count++] = keep_head(m, head);
}

static bool opens_tunnel(struct str method, uint16_t status)
{
    return status == 101 || (status / 100 == 2 && str_eq(method, STR("CONNECT")));
}

static void mem_send_head(struct exchange *x, const struct http_head *head)
{
    struct exchange_mem *m = of(x);
    assert(!m->client_side);
    m->sent.head = keep_head(m, head);
    m->tunnel = opens_tunnel(x->request->method, head->status);
    if (m->tunnel)
        x->end_received = false;
    m->no_body = !m->tunnel && (head->no_body || head->status == 204 || head->status == 304 ||
                                str_eq(x->request->method, STR("HEAD")));
    m->left = m->no_body || m->tunnel ? HTTP_LENGTH_UNKNOWN : head->content_length;
}

static void fail(struct exchange_mem *m, const char *detail)
{
    m->failed = true;
    m->fail = (struct exchange_reset){.code = EXCHANGE_PROTOCOL, .detail = detail};
}

static void mem_send_data(struct exchange *x, struct str data)
{
    struct exchange_mem *m = of(x);
    if (m->no_body || m->failed)
        return;
    if (m->left != HTTP_LENGTH_UNKNOWN) {
        if (data.len > (uint64_t)m->left) {
            fail(m, "the body is longer than announced");
            return;
        }
        m->left -= (int64_t)data.len;
    }
    if (!buf_add(&m->sent.data, data))
        abort();
    if (!m->takes_at_once)
        m->buffered += data.len;
}

static void mem_send_end(struct exchange *x, const struct http_fields *trailers)
{
    struct exchange_mem *m = of(x);
    if (m->left > 0) {
        fail(m, "the body is shorter than announced");
        return;
    }
    m->sent.ended = true;
    if (trailers != NULL && trailers->n > 0)
        m->sent.trailers = copy_fields(&m->kept, trailers);
}

static size_t mem_room(const struct exchange *x)
{
    const struct exchange_mem *m = of_const(x);
    return m->buffered >= m->room ? 0 : m->room - m->buffered;
}

static void mem_reset(struct exchange *x, enum exchange_reset_code code)
{
    struct exchange_mem *m = of(x);
    m->sent.reset = true;
    m->sent.reset_code = code;
}

static const struct exchange_impl impl = {
    .grant = mem_grant,
    .send_info = mem_send_info,
    .send_head = mem_send_head,
    .send_data = mem_send_data,
    .send_end = mem_send_end,
    .room = mem_room,
    .reset = mem_reset,
};

static struct exchange_mem *create(size_t room)
{
    struct exchange_mem *m = mem_alloc(sizeof(*m));
    exchange_impl_init(&m->x, &impl, MEMORY_MAX);
    ilist_init(&m->items);
    arena_init(&m->kept, MEMORY_MAX);
    buf_init(&m->sent.data, BODY_MAX);
    m->room = room;
    m->left = HTTP_LENGTH_UNKNOWN;
    return m;
}

struct exchange *exchange_mem_create(const struct http_head *request, size_t room)
{
    struct exchange_mem *m = create(room);
    if (!http_head_copy(&m->x.arena, request, &m->got))
        abort();
    m->x.request = &m->got;
    m->x.end_received = request->no_body;
    return &m->x;
}

static void item_destroy(struct item *i)
{
    ilist_remove(&i->node);
    arena_finish(&i->arena);
    buf_finish(&i->data);
    free(i);
}

void exchange_mem_destroy(struct exchange *x)
{
    if (x == NULL)
        return;
    struct exchange_mem *m = of(x);
    while (!ilist_empty(&m->items))
        item_destroy(container_of(m->items.head.next, struct item, node));
    ilist_remove(&m->of_client);
    ilist_remove(&m->untaken);
    if (!x->done)
        arena_finish(&x->arena);
    arena_finish(&m->kept);
    buf_finish(&m->sent.data);
    free(m);
}

/* What the peer does. */

static struct item *queue(struct exchange *x, enum item_kind kind)
{
    struct exchange_mem *m = of(x);
    assert(!m->peer_ended);
    struct item *i = mem_alloc(sizeof(*i));
    i->kind = kind;
    arena_init(&i->arena, MEMORY_MAX);
    buf_init(&i->data, BODY_MAX);
    ilist_push(&m->items, &i->node);
    return i;
}

void exchange_mem_info(struct exchange *x, const struct http_head *head)
{
    assert(of(x)->client_side && head->status >= 100 && head->status <= 199);
    struct item *i = queue(x, ITEM_INFO);
    if (!http_head_copy(&i->arena, head, &i->head))
        abort();
}

void exchange_mem_head(struct exchange *x, const struct http_head *head)
{
    assert(of(x)->client_side);
    struct item *i = queue(x, ITEM_HEAD);
    if (!http_head_copy(&i->arena, head, &i->head))
        abort();
}

void exchange_mem_data(struct exchange *x, struct str data)
{
    if (data.len > 0 && !buf_add(&queue(x, ITEM_DATA)->data, data))
        abort();
}

void exchange_mem_end(struct exchange *x, const struct http_fields *trailers)
{
    struct item *i = queue(x, ITEM_END);
    of(x)->peer_ended = true;
    if (trailers != NULL)
        i->trailers = *copy_fields(&i->arena, trailers);
}

void exchange_mem_reset(struct exchange *x, const struct exchange_reset *why)
{
    struct item *i = queue(x, ITEM_RESET);
    of(x)->peer_ended = true;
    i->reset = *why;
}

void exchange_mem_take(struct exchange *x, size_t n)
{
    struct exchange_mem *m = of(x);
    const bool was_low = mem_room(x) < m->room / 2;
    m->buffered -= n < m->buffered ? n : m->buffered;
    if (was_low && mem_room(x) >= m->room / 2)
        m->room_due = true;
}

void exchange_mem_take_at_once(struct exchange *x)
{
    exchange_mem_take(x, SIZE_MAX);
    of(x)->takes_at_once = true;
}

/* The events. */

static void deliver_head(struct exchange_mem *m, const struct http_head *head)
{
    if (!http_head_copy(&m->x.arena, head, &m->got))
        abort();
    m->tunnel = opens_tunnel(m->to_head.method, head->status);
    if (m->tunnel) {
        m->x.end_sent = false;
        m->sent.ended = false;
        m->no_body = false;
        m->left = HTTP_LENGTH_UNKNOWN;
    }
    exchange_impl_head(&m->x, &m->got);
}

static bool deliver_data(struct exchange_mem *m, struct item *i)
{
    struct str data = buf_str(&i->data);
    if (m->credit == 0)
        return false;
    if (data.len > m->credit)
        data.len = m->credit;
    m->credit -= data.len;
    /* A copy of its own, so that whoever keeps the bytes longer than the event is found out. */
    char *copy = mem_dup(data.p, data.len);
    const size_t len = data.len;
    buf_consume(&i->data, len);
    if (i->data.len == 0)
        item_destroy(i);
    exchange_impl_data(&m->x, (struct str){copy, len});
    free(copy);
    return true;
}

/* A reset overtakes body that waits for credit. */
static struct item *next_item(struct exchange_mem *m)
{
    if (ilist_empty(&m->items))
        return NULL;
    struct item *first = container_of(m->items.head.next, struct item, node);
    struct item *last = container_of(m->items.head.prev, struct item, node);
    return first->kind == ITEM_DATA && m->credit == 0 && last->kind == ITEM_RESET ? last : first;
}

static bool deliver(struct exchange_mem *m, struct item *i)
{
    if (i->kind == ITEM_DATA)
        return deliver_data(m, i);
    ilist_remove(&i->node);
    switch (i->kind) {
    case ITEM_INFO:
        exchange_impl_info(&m->x, &i->head);
        break;
    case ITEM_HEAD:
        deliver_head(m, &i->head);
        break;
    case ITEM_END:
        if (i->trailers.n > 0)
            m->trailers = *copy_fields(&m->x.arena, &i->trailers);
        exchange_impl_end(&m->x, &m->trailers);
        break;
    case ITEM_RESET:
        exchange_impl_reset(&m->x, &i->reset);
        break;
    case ITEM_DATA:
    default:
        abort();
    }
    item_destroy(i);
    return true;
}

static bool is_complete(const struct exchange_mem *m)
{
    const struct exchange *x = &m->x;
    if (m->tunnel)
        return x->end_sent && x->end_received;
    return m->client_side ? x->end_received : x->end_sent;
}

bool exchange_mem_step(struct exchange *x)
{
    struct exchange_mem *m = of(x);
    assert(x->events != NULL);
    if (x->done)
        return false;
    if (!x->reset_done && m->failed) {
        exchange_impl_reset(x, &m->fail);
        return true;
    }
    if (x->reset_done || is_complete(m)) {
        exchange_impl_done(x);
        return true;
    }
    if (m->room_due) {
        m->room_due = false;
        exchange_impl_room(x);
        return true;
    }
    struct item *i = next_item(m);
    return i != NULL && deliver(m, i);
}

size_t exchange_mem_run(struct exchange *x)
{
    size_t n = 0;
    while (exchange_mem_step(x))
        n++;
    return n;
}

const struct exchange_mem_sent *exchange_mem_sent(const struct exchange *x)
{
    return &of_const(x)->sent;
}

size_t exchange_mem_queued(const struct exchange *x)
{
    size_t n = 0;
    ilist_for_each (node, &of_const(x)->items)
        n += container_of(node, struct item, node)->data.len;
    return n;
}

size_t exchange_mem_credit(const struct exchange *x)
{
    return of_const(x)->credit;
}

/* The client. */

static struct exchange *client_open(struct http_client *client, const struct http_client_request *r)
{
    struct client_mem *c = container_of(client, struct client_mem, client);
    struct exchange_mem *m = create(c->room);
    m->client_side = true;
    m->x.events = r->events;
    m->x.user = r->user;
    m->x.head_sent = true;
    m->x.end_sent = r->head->no_body;
    m->sent.ended = r->head->no_body;
    m->sent.head = keep_head(m, r->head);
    m->no_body = r->head->no_body;
    m->left = m->no_body ? HTTP_LENGTH_UNKNOWN : r->head->content_length;
    m->to_head = *m->sent.head;
    m->to = *r;
    m->to.head = &m->to_head;
    if (!arena_copy(&m->kept, r->host, &m->to.host))
        abort();
    ilist_push(&c->all, &m->of_client);
    ilist_push(&c->untaken, &m->untaken);
    c->stats.opened++;
    return &m->x;
}

static void client_stats(const struct http_client *client, struct http_client_stats *ret)
{
    *ret = ((const struct client_mem *)(const void *)client)->stats;
}

static void client_destroy(struct http_client *client)
{
    struct client_mem *c = container_of(client, struct client_mem, client);
    while (!ilist_empty(&c->all)) {
        struct exchange *x = &container_of(c->all.head.next, struct exchange_mem, of_client)->x;
        if (!x->done && !x->reset_done)
            exchange_impl_reset(x, &(struct exchange_reset){.code = EXCHANGE_SHUTDOWN});
        if (!x->done)
            exchange_impl_done(x);
        exchange_mem_destroy(x);
    }
    free(c);
}

static const struct http_client_impl client_impl = {
    .open = client_open,
    .stats = client_stats,
    .destroy = client_destroy,
};

struct http_client *exchange_mem_client_create(size_t room)
{
    struct client_mem *c = mem_alloc(sizeof(*c));
    c->client.impl = &client_impl;
    c->room = room;
    ilist_init(&c->all);
    ilist_init(&c->untaken);
    return &c->client;
}

struct exchange *exchange_mem_client_next(struct http_client *client)
{
    struct client_mem *c = container_of(client, struct client_mem, client);
    struct ilist_node *n = ilist_pop(&c->untaken);
    return n == NULL ? NULL : &container_of(n, struct exchange_mem, untaken)->x;
}

const struct http_client_request *exchange_mem_request(const struct exchange *x)
{
    return &of_const(x)->to;
}
