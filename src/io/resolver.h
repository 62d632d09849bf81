/* Names to addresses, asynchronously, with c-ares on the loop: the hosts file, then DNS. One per process.
 *
 * Answers are kept for their TTL. An expired one is still given for a short while, while it is being renewed, and
 * for as long as renewing fails: a DNS failure keeps the last answer. Addresses and "localhost" need no question.
 */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <netinet/in.h>

#include "base/err.h"
#include "base/ilist.h"
#include "base/str.h"

struct loop;
struct resolver;
struct resolver_entry;

enum { RESOLVER_ADDRESSES_MAX = 16 };

struct resolver_options {
    uint64_t ttl_max_ms;  /* answers are kept for their TTL, at least a second, at most this long */
    uint64_t negative_ms; /* after a failure a name is not asked for again so long */
    uint64_t timeout_ms;  /* of one try of a question */
    uint32_t names_max;   /* kept at the same time, those being asked for included */
    const char
        *servers; /* "address[:port],..." instead of the system's; NULL: the system's. For tests */
};

union resolver_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* n > 0. Each answer to the same name begins with the next of its addresses; ports are 0. */
struct resolver_answer {
    union resolver_address v[RESOLVER_ADDRESSES_MAX];
    uint32_t n;
};

/* A question under way; embedded in the asker's object. */
struct resolver_query {
    struct ilist_node node; /* private */
    struct resolver_entry *entry;
    /* Called once, from the loop, unless cancelled. answer is NULL on failure, error says why then. */
    void (*done)(struct resolver_query *q, const struct resolver_answer *answer, const char *error);
};

struct resolver *resolver_create(struct loop *loop, const struct resolver_options *options);

/* Forgets all answers; no question may be under way. r may be NULL. */
void resolver_destroy(struct resolver *r);

/* Answers at once if that is possible: *ret is filled. */
bool resolver_lookup(struct resolver *r, struct str host, struct resolver_answer *ret)
    __attribute__((warn_unused_result));

/* Asks; q->done is set and comes later, never from here. host is copied. */
void resolver_ask(struct resolver *r, struct resolver_query *q, struct str host);

/* No call of done after this. No effect on a query that is not under way. */
void resolver_cancel(struct resolver_query *q);

/* Fills *ret if host is an IPv4 or IPv6 address. */
bool resolver_is_address(struct str host, union resolver_address *ret);

/* The size of an address for connect(). */
socklen_t resolver_address_size(const union resolver_address *a);

/* Writes "127.0.0.1" or "::1". */
void resolver_address_host(const union resolver_address *a, char ret[INET6_ADDRSTRLEN]);

/* Writes "127.0.0.1:80" or "[::1]:80". */
enum { RESOLVER_TEXT_SIZE = INET6_ADDRSTRLEN + 9 };
void resolver_address_text(const union resolver_address *a, char ret[RESOLVER_TEXT_SIZE]);

#endif
