/* Host patterns of domains: exact, "*x", "x*", "*x*", "*", a whole inner label "x.*.y", and regular expressions
 * between slashes. Matching ignores the case of ASCII letters and a final dot. docs/routing.md has the syntax.
 */
#ifndef ROUTE_HOST_PATTERN_H
#define ROUTE_HOST_PATTERN_H

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

/* Whether p stands for one host only: *host is that host in lower case, borrowed from p. */
bool host_pattern_exact(const struct host_pattern *p, struct str *host);

/* Hosts have fewer bytes than this (RFC 1035 section 2.3.4). */
enum { HOST_PATTERN_HOST_MAX = 256 };

#endif
