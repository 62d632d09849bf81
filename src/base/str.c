#include "base/str.h"

#include <assert.h>
#include <string.h>

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Not strncasecmp(): that ends at a NUL and follows the locale. */
bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (to_lower(a.p[i]) != to_lower(b.p[i]))
            return false;
    }
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (c != 0)
        return c;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_slice(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

bool str_contains(struct str s, struct str needle)
{
    return needle.len == 0 || (s.len > 0 && memmem(s.p, s.len, needle.p, needle.len) != NULL);
}

size_t str_index(struct str s, char c, size_t from)
{
    if (from >= s.len)
        return s.len;
    const char *hit = memchr(s.p + from, c, s.len - from);
    return hit == NULL ? s.len : (size_t)(hit - s.p);
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_ows(s.p[0]))
        s = str_skip(s, 1);
    while (s.len > 0 && is_ows(s.p[s.len - 1]))
        s.len--;
    return s;
}

bool str_next_item(struct str *rest, struct str *item)
{
    while (rest->len > 0) {
        size_t comma = str_index(*rest, ',', 0);
        struct str found = str_trim(str_slice(*rest, 0, comma));
        *rest = str_skip(*rest, comma == rest->len ? comma : comma + 1);
        if (found.len > 0) {
            *item = found;
            return true;
        }
    }
    return false;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *ret)
{
    if (s.len == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        const uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value) || value > max)
            return false;
    }
    *ret = value;
    return true;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++) {
        h ^= (unsigned char)s.p[i];
        h *= 1099511628211u;
    }
    return h;
}
