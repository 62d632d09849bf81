/* Host patterns of domains: exact, "*x", "x*", "*x*", "*", and regular expressions between slashes. Matching
 * ignores the case of ASCII letters.
 */
#ifndef ROUTE_HOST_H
#define ROUTE_HOST_H

#include "base/err.h"
#include "base/str.h"

struct host_pattern;

/* Compiles text; the error says what is wrong. */
enum err_code host_pattern_create(struct str text, struct host_pattern **ret, struct err *e)
    __attribute__((warn_unused_result));
void host_pattern_destroy(struct host_pattern *p);

/* Whether host (without port, no brackets) matches. A regular expression that runs into its match limit
 * does not. */
bool host_pattern_match(const struct host_pattern *p, struct str host);

/* An ordered set of domains: which namespace serves a host. */
struct host_table;
struct host_table *host_table_create(void);
void host_table_destroy(struct host_table *t);

/* Adds or replaces the domain name of namespace ns; takes over the patterns (all valid). */
void host_table_put(struct host_table *t, struct str ns, struct str name, int64_t priority,
                    struct host_pattern **patterns, size_t count);
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
