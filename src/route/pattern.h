/* Path patterns of routes, compiled: "/users/{id}", "/v{n:[0-9]+}/x", "/img/*", "/api/" followed by "**".
 * docs/routing.md has the syntax.
 */
#ifndef ROUTE_PATTERN_H
#define ROUTE_PATTERN_H

#include "base/err.h"
#include "base/str.h"

struct pattern;

/* Compiles text. The error says what is wrong and at which byte. The result is shared by reference. */
enum err_code pattern_create(struct str text, struct pattern **ret, struct err *e)
    __attribute__((warn_unused_result));
struct pattern *pattern_ref(struct pattern *p);
void pattern_unref(struct pattern *p);

/* The form in which patterns that match the same paths with the same precedence are equal: parameter names
 * removed ("/a/{x}" and "/a/{y}" both "/a/{}"). Borrowed from p. */
struct str pattern_canonical(const struct pattern *p);

/* The text it was made from. Borrowed. */
struct str pattern_text(const struct pattern *p);

/* What stripPath removes from a path that matched: for a pattern that ends with a wildcard, what comes before
 * the part that the wildcard took; for any other the whole path. Returns the rest, which begins with "/"
 * or is empty (then the service URL's own path is used). wildcard is the matched value of "*". */
struct str pattern_strip(const struct pattern *p, struct str path, struct str wildcard);

#endif
