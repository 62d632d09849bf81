/* A regular expression of a pattern: PCRE2, compiled with its JIT, and with a bound on the work of one match.
 * Not thread-safe: matching uses memory of the object.
 */
#ifndef ROUTE_REX_H
#define ROUTE_REX_H

#include "base/err.h"
#include "base/str.h"

struct rex;

enum rex_mode {
    REX_WHOLE,       /* the subject as a whole must match */
    REX_SEARCH_HOST, /* a part of it is enough, and the case of ASCII letters does not count */
};

/* Longest source text. */
enum { REX_SOURCE_MAX = 1024 };

/* Compiles source; the error says what is wrong and at which byte of source. The result is shared by
 * reference. */
enum err_code rex_create(struct str source, enum rex_mode mode, struct rex **ret, struct err *e)
    __attribute__((warn_unused_result));
struct rex *rex_ref(struct rex *r);
void rex_unref(struct rex *r);

/* LIMIT: the bound was reached before the answer was known. */
enum rex_result { REX_MATCH, REX_NO_MATCH, REX_LIMIT };
enum rex_result rex_match(const struct rex *r, struct str subject);

#endif
