/* IP addresses and blocks of them. An IPv4 address within IPv6 (::ffff:a.b.c.d) counts as the IPv4 one. */
#ifndef ADMIN_ADMIN_ADDRESS_H
#define ADMIN_ADMIN_ADDRESS_H

#include "base/str.h"

struct admin_address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct admin_address_block {
    struct admin_address base;
    unsigned bits; /* of 128 */
};

/* An address as peers and proxies write it: also in brackets, and with a port. False when it is none. */
bool admin_address_parse(struct str text, struct admin_address *ret)
    __attribute__((warn_unused_result));

/* An address, or "address/bits". False when it is none. */
bool admin_address_block_parse(struct str text, struct admin_address_block *ret)
    __attribute__((warn_unused_result));

bool admin_address_in(const struct admin_address *a, const struct admin_address_block *b);

#endif
