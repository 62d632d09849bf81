/* A borrowed run of bytes: pointer and length, not NUL-terminated unless its giver says so. Who owns
 * the bytes, and for how long, is said where a str is handed over. The empty str may have p == NULL.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t len;
};

/* A str over a string literal. */
#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})

/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) ((int)((s).len > 4096 ? 4096 : (s).len)), ((s).p != NULL ? (s).p : "")

/* A str over a C string; NULL gives the empty str. The bytes stay the caller's. */
static inline struct str str_of(const char *s)
{
    return s == NULL ? (struct str){0} : (struct str){s, strlen(s)};
}

/* Byte for byte equal. */
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Equal but for the case of ASCII letters (header names, schemes, hosts). */
bool str_eq_nocase(struct str a, struct str b);

/* memcmp() order, a prefix before what it begins. */
int str_cmp(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Whether needle occurs in s; the empty needle always does. */
bool str_contains(struct str s, struct str needle);

/* Index of the first c at or after from, or s.len. */
size_t str_index(struct str s, char c, size_t from);

/* s without its first n bytes, or its bytes [from, to); both bounds must lie within s. */
static inline struct str str_slice(struct str s, size_t from, size_t to)
{
    assert(from <= to && to <= s.len);
    if (s.p == NULL)
        return s;
    return (struct str){s.p + from, to - from};
}

static inline struct str str_skip(struct str s, size_t n)
{
    return str_slice(s, n, s.len);
}

/* s without leading and trailing SP and HTAB (the OWS of RFC 9110 section 5.6.3). */
struct str str_trim(struct str s);

/* Takes the next element of a comma-separated list (RFC 9110 section 5.6.1) off *rest, trimmed and
 * not empty. False when nothing is left. */
bool str_next_item(struct str *rest, struct str *item);

/* Parses all of s as a decimal number without sign. False when empty, not digits only, or over max. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *ret) __attribute__((warn_unused_result));

/* FNV-1a over the bytes; for tables whose keys no peer chooses. */
uint64_t str_hash(struct str s);

#endif
