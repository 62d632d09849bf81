/* IP addresses and blocks of them. An IPv4 address within IPv6 (::ffff:a.b.c.d) counts as the IPv4 one. */
#ifndef CODEC_IP_ADDRESS_H
#define CODEC_IP_ADDRESS_H

#include "base/str.h"
#include "base/vec.h"

struct sockaddr;

struct ip_address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct ip_address_block {
    struct ip_address base;
    unsigned bits; /* of 128 */
};

/* An address as peers and proxies write it: also in brackets, and with a port. False when it is none. */
bool ip_address_parse(struct str text, struct ip_address *ret) __attribute__((warn_unused_result));

/* An address, or "address/bits". False when it is none. */
bool ip_address_block_parse(struct str text, struct ip_address_block *ret)
    __attribute__((warn_unused_result));

bool ip_address_in(const struct ip_address *a, const struct ip_address_block *b);

/* Addresses and blocks together; zeroed it is empty. */
struct ip_address_list {
    VEC_OF(struct ip_address_block);
};

/* Adds what ip_address_block_parse() takes; false when text is not that. */
bool ip_address_list_add(struct ip_address_list *l, struct str text)
    __attribute__((warn_unused_result));
void ip_address_list_finish(struct ip_address_list *l);
bool ip_address_in_list(const struct ip_address *a, const struct ip_address_list *l);

/* The address of a socket's peer. False when it is not of the Internet's families. */
bool ip_address_of_socket(const struct sockaddr *from, struct ip_address *ret)
    __attribute__((warn_unused_result));

/* Writes the one canonical text of an address (RFC 5952) and a NUL, an IPv4 one as "192.0.2.1"; returns it. */
enum { IP_ADDRESS_TEXT_SIZE = 46 };
struct str ip_address_text(const struct ip_address *a, char ret[IP_ADDRESS_TEXT_SIZE]);

/* Whether an address is no place of the public internet: this host, loopback, private and unique local, link-local
 * (metadata services of clouds among them), shared (CGNAT), multicast, and addresses that carry an IPv4 one of
 * that kind inside (RFC 6890; RFC 6052 and 3056 for the last). */
bool ip_address_is_private(const struct ip_address *a);

#endif
