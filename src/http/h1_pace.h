/* How fast a client sends the body of a request: a bucket of bytes that runs out while the client is waited for, and is
 * filled by what it sends. Who sends nothing has as long as who trickles. No clock of its own.
 */
#ifndef HTTP_H1_PACE_H
#define HTTP_H1_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Embedded; all members are private. */
struct h1_pace {
    uint64_t rate; /* bytes a second; 0: never late */
    uint64_t full; /* what the bucket holds, in thousandths of a byte */
    uint64_t left;
    uint64_t since_ms;
    bool watching;
};

/* A request begins: the client may be late by slack_ms. */
void h1_pace_begin(struct h1_pace *p, uint64_t rate, uint64_t slack_ms);

/* n bytes came. */
void h1_pace_received(struct h1_pace *p, uint64_t n);

/* From now on the client is (not) waited for. True when that is new. */
bool h1_pace_watch(struct h1_pace *p, bool watch, uint64_t now_ms);

/* How long the client may go on sending nothing; UINT64_MAX when it is not waited for. */
uint64_t h1_pace_left_ms(struct h1_pace *p, uint64_t now_ms);

#endif
