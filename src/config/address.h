/* Addresses in the configuration: what to listen on, who may connect. */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include "base/err.h"
#include "base/str.h"

/* What may be listened on: an IP address (an IPv6 one may have brackets), "localhost", or "" for the
 * default. */
enum err_code address_check_host(struct str text, struct err *e);

/* An IP address, or a block such as 10.0.0.0/8. */
enum err_code address_check_block(struct str text, struct err *e);

/* Whether a checked host can be reached from this machine only. */
bool address_is_loopback(struct str host);

/* The address that a checked host stands for, without brackets; the result is malloc()ed. */
char *address_host(struct str text);

#endif
