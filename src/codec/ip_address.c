#include "codec/ip_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "base/container.h"

enum { V4_PREFIX = 96, V4_BITS = 32, V6_BITS = 128, TEXT_SIZE = 64 };

static const uint8_t v4_prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A bare address. *bits: how many it has. */
static bool parse_bare(struct str text, struct ip_address *ret, unsigned *bits)
{
    char copy[TEXT_SIZE];
    struct ip_address a = {{0}};
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

bool ip_address_parse(struct str text, struct ip_address *ret)
{
    unsigned bits = 0;
    text = str_trim(text);
    if (text.len > 0 && text.p[0] == '[')
        return parse_bare(str_slice(text, 1, str_index(text, ']', 1)), ret, &bits);
    size_t colon = str_index(text, ':', 0);
    bool port = colon < text.len && str_index(text, ':', colon + 1) == text.len;
    return parse_bare(port ? str_slice(text, 0, colon) : text, ret, &bits);
}

bool ip_address_block_parse(struct str text, struct ip_address_block *ret)
{
    size_t slash = str_index(text, '/', 0);
    struct ip_address base;
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

/* Whether the first bits of both are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    const unsigned whole = bits / 8;
    const unsigned rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool ip_address_in(const struct ip_address *a, const struct ip_address_block *b)
{
    return same_bits(a->bytes, b->base.bytes, b->bits);
}

bool ip_address_list_add(struct ip_address_list *l, struct str text)
{
    struct ip_address_block block;
    if (!ip_address_block_parse(text, &block))
        return false;
    vec_push(l, block);
    return true;
}

void ip_address_list_finish(struct ip_address_list *l)
{
    vec_finish(l);
}

bool ip_address_in_list(const struct ip_address *a, const struct ip_address_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (ip_address_in(a, &l->v[i]))
            return true;
    }
    return false;
}

static bool is_v4(const struct ip_address *a)
{
    return memcmp(a->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool ip_address_of_socket(const struct sockaddr *from, struct ip_address *ret)
{
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
        memcpy(ret->bytes, v4_prefix, sizeof(v4_prefix));
        memcpy(ret->bytes + sizeof(v4_prefix), &in->sin_addr, sizeof(in->sin_addr));
        return true;
    }
    if (from->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;
    memcpy(ret->bytes, &in6->sin6_addr, sizeof(ret->bytes));
    return true;
}

struct str ip_address_text(const struct ip_address *a, char ret[IP_ADDRESS_TEXT_SIZE])
{
    const bool v4 = is_v4(a);
    const uint8_t *bytes = v4 ? a->bytes + sizeof(v4_prefix) : a->bytes;
    const char *text = inet_ntop(v4 ? AF_INET : AF_INET6, bytes, ret, IP_ADDRESS_TEXT_SIZE);
    assert(text != NULL);
    return str_of(text);
}

/* A block of addresses by its first bytes. */
struct range {
    uint8_t first[16];
    unsigned bits;
};

static bool in_ranges(const uint8_t *bytes, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (same_bits(bytes, ranges[i].first, ranges[i].bits))
            return true;
    }
    return false;
}

static bool v4_is_private(const uint8_t *bytes)
{
    static const struct range ranges[] = {
        {{0}, 8},        {{10}, 8},         {{100, 64}, 10},  {{127}, 8},      {{169, 254}, 16},
        {{172, 16}, 12}, {{192, 0, 0}, 24}, {{192, 168}, 16}, {{198, 18}, 15}, {{224}, 3},
    };
    return in_ranges(bytes, ranges, ARRAY_LEN(ranges));
}

bool ip_address_is_private(const struct ip_address *a)
{
    static const struct range ranges[] = {
        {{0}, 96},                         /* ::/96: unspecified, loopback, IPv4-compatible */
        {{0xfc}, 7},                       /* unique local */
        {{0xfe, 0x80}, 10},                /* link-local */
        {{0xfe, 0xc0}, 10},                /* site-local */
        {{0xff}, 8},                       /* multicast */
        {{0, 0x64, 0xff, 0x9b, 0, 1}, 48}, /* local NAT64 (RFC 8215) */
    };
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    const uint8_t *b = a->bytes;
    if (is_v4(a))
        return v4_is_private(b + sizeof(v4_prefix));
    if (memcmp(b, nat64, sizeof(nat64)) == 0)
        return v4_is_private(b + sizeof(nat64));
    if (b[0] == 0x20 && b[1] == 0x02)
        return v4_is_private(b + 2);
    return in_ranges(b, ranges, ARRAY_LEN(ranges));
}
