/* Request ids: what a client sent, if it is sane, or 32 hexadecimal digits that no other request has. */
#ifndef PROXY_PROXY_ID_H
#define PROXY_PROXY_ID_H

#include "base/str.h"

enum { PROXY_ID_SIZE = 32, PROXY_ID_MAX = 128 };

/* The state ids are made from; unpredictable enough to be unique among processes and machines, not to be a
 * secret. */
struct proxy_id {
    uint64_t high;
    uint64_t low;
};

void proxy_id_init(struct proxy_id *ids);

/* Writes a new id, without a NUL. */
void proxy_id_make(struct proxy_id *ids, char out[PROXY_ID_SIZE]);

/* Whether a received id is kept: a token (RFC 9110 section 5.6.2) of at most PROXY_ID_MAX bytes. */
bool proxy_id_is_sane(struct str id);

#endif
