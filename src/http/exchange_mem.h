/* Exchanges in memory: the second implementation of exchange.h, for the tests of whoever owns exchanges. The
 * test plays the peer: it queues what the peer sends, says when an event is delivered, so that
 * streams interleave as it wants, and looks at what the owner sent.
 *
 * Every exchange keeps a queue of what the peer did. exchange_mem_step() delivers the next event that is
 * possible (body only within the credit), exchange_mem_run() all of them. Events in turn: what the
 * owner's reset caused, on_room, then the queue in its order; on_done when nothing else is left.
 *
 * The object stays readable after on_done, until exchange_mem_destroy(); an owner that touches it then
 * trips an assertion.
 */
#ifndef HTTP_EXCHANGE_MEM_H
#define HTTP_EXCHANGE_MEM_H

#include "base/buf.h"
#include "http/exchange.h"
#include "http/http_client.h"

/* What the owner did so far. Heads are copies and live as long as the exchange. */
struct exchange_mem_sent {
    const struct http_head *infos[8]; /* server side: 1xx heads in their order */
    size_t info_count;
    const struct http_head
        *head;       /* server side: final head, NULL before; client side: the request's */
    struct buf data; /* body bytes, all of them; dropped ones (HEAD, 204, 304) are not */
    const struct http_fields *trailers; /* NULL: none */
    bool ended;
    bool reset;
    enum exchange_reset_code reset_code;
    bool continued; /* server side: 100 (Continue) was due to a grant */
    size_t granted; /* all credit so far */
};

/* A request as if received: the head is copied. room is the size of the buffer towards the peer; the
 * peer takes nothing out of it until exchange_mem_take(). As a real server it expects its owner to
 * set events and user before the first step. A head with no_body has ended already. */
struct exchange *exchange_mem_create(const struct http_head *request, size_t room);

/* Frees it, whatever its state, without an event. x may be NULL. */
void exchange_mem_destroy(struct exchange *x);

/* What the peer does. All are copied and queued; nothing may follow an end or a reset (asserted). */
void exchange_mem_info(struct exchange *x, const struct http_head *head); /* client side */
void exchange_mem_head(struct exchange *x, const struct http_head *head); /* client side */
void exchange_mem_data(struct exchange *x, struct str data);
void exchange_mem_end(struct exchange *x, const struct http_fields *trailers);
void exchange_mem_reset(struct exchange *x, const struct exchange_reset *why);

/* The peer takes up to n bytes out of the buffer: room grows, on_room may become due. */
void exchange_mem_take(struct exchange *x, size_t n);

/* From now on the peer takes all that is sent at once, so that room never shrinks and no on_room is due. */
void exchange_mem_take_at_once(struct exchange *x);

/* Delivers one event; false when none is possible now. */
bool exchange_mem_step(struct exchange *x);

/* Delivers events until none is possible; returns how many. */
size_t exchange_mem_run(struct exchange *x);

const struct exchange_mem_sent *exchange_mem_sent(const struct exchange *x);

/* Bytes of body that are queued but not delivered, and credit that is left. */
size_t exchange_mem_queued(const struct exchange *x);
size_t exchange_mem_credit(const struct exchange *x);

/* A client whose exchanges the test drives: open() makes one like the above with the given room. They
 * belong to the client and are freed with it. */
struct http_client *exchange_mem_client_create(size_t room);

/* The oldest exchange that was opened and not yet returned from here; NULL when there is none. */
struct exchange *exchange_mem_client_next(struct http_client *c);

/* Where a client-side exchange was to go; strs live as long as it. head is that of the request. */
const struct http_client_request *exchange_mem_request(const struct exchange *x);

#endif
