#include "admin/admin_address.h"

#include <arpa/inet.h>
#include <string.h>

enum { V4_PREFIX = 96, V4_BITS = 32, V6_BITS = 128, TEXT_SIZE = 64 };

static const uint8_t v4_prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A bare address. *bits: how many it has. */
static bool parse_bare(struct str text, struct admin_address *ret, unsigned *bits)
{
    char copy[TEXT_SIZE];
    struct admin_address a = {{0}};
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    if (strlen(copy) != text.len)
        return false;
    bool v4 = inet_pton(AF_INET, copy, a.bytes + sizeof(v4_prefix)) == 1;
    if (v4)
        memcpy(a.bytes, v4_prefix, sizeof(v4_prefix));
    else if (inet_pton(AF_INET6, copy, a.bytes) != 1)
        return false;
    *bits = v4 ? V4_BITS : V6_BITS;
    *ret = a;
    return true;
}

bool admin_address_parse(struct str text, struct admin_address *ret)
{
    unsigned bits = 0;
    text = str_trim(text);
    if (text.len > 0 && text.p[0] == '[')
        return parse_bare(str_slice(text, 1, str_index(text, ']', 1)), ret, &bits);
    size_t colon = str_index(text, ':', 0);
    bool port = colon < text.len && str_index(text, ':', colon + 1) == text.len;
    return parse_bare(port ? str_slice(text, 0, colon) : text, ret, &bits);
}

bool admin_address_block_parse(struct str text, struct admin_address_block *ret)
{
    size_t slash = str_index(text, '/', 0);
    struct admin_address base;
    unsigned bits = 0;
    if (!parse_bare(str_slice(text, 0, slash), &base, &bits))
        return false;
    uint64_t prefix = bits;
    if (slash < text.len && !str_to_u64(str_skip(text, slash + 1), bits, &prefix))
        return false;
    ret->base = base;
    ret->bits = (bits == V4_BITS ? V4_PREFIX : 0) + (unsigned)prefix;
    return true;
}

bool admin_address_in(const struct admin_address *a, const struct admin_address_block *b)
{
    unsigned whole = b->bits / 8;
    unsigned rest = b->bits % 8;
    if (memcmp(a->bytes, b->base.bytes, whole) != 0)
        return false;
    return rest == 0 || (a->bytes[whole] ^ b->base.bytes[whole]) >> (8 - rest) == 0;
}
