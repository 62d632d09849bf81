/* Path patterns of routes, compiled: "/users/{id}", "/v{n:[0-9]+}/x", "/img/" and "*", "/api/" and "**".
 * docs/routing.md has the syntax.
 */
#ifndef ROUTE_PATTERN_H
#define ROUTE_PATTERN_H

#include "base/err.h"
#include "base/str.h"

struct pattern;
struct rex;

enum { PATTERN_TEXT_MAX = 1024, PATTERN_CAPTURES_MAX = 32 };

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
 * or is empty (then the service URL's own path is used). wildcard is the matched value of "*". Only whole
 * segments are removed: "/x/a*" leaves "/abc" of "/x/abc", and "/c" of "/x/a/c". */
struct str pattern_strip(const struct pattern *p, struct str path, struct str wildcard);

/* The parts a pattern consists of, in order: what the router builds its tree from. Two captures (the last
 * three kinds but SUBTREE) never stand side by side. */
enum pattern_kind {
    PATTERN_LITERAL, /* text, as it is in a normalised path */
    PATTERN_REGEX,   /* one or more bytes but "/" that rex matches; text is its source */
    PATTERN_PARAM,   /* one or more bytes but "/" */
    PATTERN_REST,    /* all that is left, maybe nothing; always last */
    PATTERN_SUBTREE, /* nothing, or "/" and all that is left; always last */
};

struct pattern_part {
    enum pattern_kind kind;
    struct str text;
    struct str name; /* captures: "" for an anonymous parameter, "*" for REST and SUBTREE */
    struct rex *rex;
};

/* Borrowed from p. */
const struct pattern_part *pattern_parts(const struct pattern *p, size_t *count);

#endif
