/* An ordered set of domains: which namespace serves a host. Changed in place, between requests of the one
 * thread that uses it.
 */
#ifndef ROUTE_HOST_TABLE_H
#define ROUTE_HOST_TABLE_H

#include "base/str.h"

struct host_pattern;
struct host_table;

struct host_table *host_table_create(void);
void host_table_destroy(struct host_table *t);

/* Adds or replaces the domain name of namespace ns; takes over the patterns (all valid; the array itself stays
 * the caller's). */
void host_table_put(struct host_table *t, struct str ns, struct str name, int64_t priority,
                    struct host_pattern *const *patterns, size_t count);
/* No effect when it is absent. */
void host_table_remove(struct host_table *t, struct str ns, struct str name);

/* The namespace of the first domain that matches, by priority (highest first), then by domain name (ascending),
 * then by namespace; exact patterns are looked up by hash. False when none matches. *ns is borrowed until the
 * next change. */
bool host_table_find(const struct host_table *t, struct str host, struct str *ns);

/* Whether a namespace has a domain of its own, and whether there is any domain at all. */
bool host_table_has(const struct host_table *t, struct str ns);
bool host_table_empty(const struct host_table *t);

#endif
