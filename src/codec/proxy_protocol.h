/* The PROXY protocol, versions 1 and 2 (haproxy.org, "The PROXY protocol", sections 2.1 and 2.2), sans I/O: what a
 * load balancer puts before the first byte of a connection, to say whose it is. For the receiver.
 */
#ifndef CODEC_PROXY_PROTOCOL_H
#define CODEC_PROXY_PROTOCOL_H

#include "codec/ip_address.h"

/* A longer header is an error; version 1 has its own limit of 107 bytes. */
enum { PROXY_PROTOCOL_MAX = 4096 };

struct proxy_protocol {
    /* False: the sender speaks for itself (LOCAL) or does not know (UNKNOWN, UNSPEC), and the peer of the
     * connection stands. */
    bool has_source;
    struct ip_address source;
    uint16_t port;
};

enum proxy_protocol_result { PROXY_PROTOCOL_MORE, PROXY_PROTOCOL_DONE, PROXY_PROTOCOL_ERROR };

/* Reads a header from the start of in.
 * MORE: call again with the same and more bytes.
 * DONE: *used bytes belong to it (type-length-value records are skipped); *ret is filled.
 * ERROR: in does not begin with a header, or with one of datagrams or of Unix sockets; *error says why, for ever. */
enum proxy_protocol_result proxy_protocol_read(struct str in, struct proxy_protocol *ret,
                                               size_t *used, const char **error)
    __attribute__((warn_unused_result));

#endif
