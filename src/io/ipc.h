/* Messages between our processes: frames over a connected Unix stream socket.
 * A frame is u32 little-endian length of the payload, u8 type, payload.
 */
#ifndef IO_IPC_H
#define IO_IPC_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct ipc;
struct loop;

struct ipc_events {
    /* payload is valid during the call. The callee may close the link. */
    void (*on_message)(void *user, uint8_t type, struct str payload);
    /* The peer is gone, or sent what is no frame, or the backlog passed its maximum. The link is closed and must be
     * forgotten; text says why. */
    void (*on_closed)(void *user, const char *text);
};

struct ipc_options {
    size_t frame_max;   /* of a payload, both ways */
    size_t backlog_max; /* bytes waiting to be written */
};

/* Takes over a connected, non-blocking socket. */
struct ipc *ipc_create(struct loop *l, int fd, const struct ipc_options *options,
                       const struct ipc_events *events, void *user);

/* Queues a frame: written at once as far as possible. A payload past frame_max or a full backlog closes the link on a
 * later turn. */
void ipc_send(struct ipc *i, uint8_t type, struct str payload);

/* Closes at once; no event follows. NULL is allowed. */
void ipc_close(struct ipc *i);

/* Connects to an abstract or filesystem address as ipc_listen() gave it. Returns a non-blocking descriptor, -1 with e
 * filled. */
int ipc_connect(struct str address, struct err *e);

/* Makes a listening socket at an abstract address that the kernel picks; *address (at least 108 bytes) gets it. -1 with e
 * filled. */
int ipc_listen(char *address, size_t size, size_t *len, struct err *e);

/* Accepts one connection from a process of our own user or root; -1 when there is none. */
int ipc_accept(int listen_fd);

/* Reading and writing of payloads: fixed little-endian numbers and length-prefixed bytes. A reader that runs past the
 * end, or meets a length that does, becomes bad and gives zeros. */
struct ipc_reader {
    struct str rest;
    bool bad;
};
uint64_t ipc_read_u64(struct ipc_reader *r);
uint8_t ipc_read_u8(struct ipc_reader *r);
struct str ipc_read_bytes(struct ipc_reader *r);

struct buf;
bool ipc_write_u64(struct buf *b, uint64_t n) __attribute__((warn_unused_result));
bool ipc_write_u8(struct buf *b, uint8_t n) __attribute__((warn_unused_result));
bool ipc_write_bytes(struct buf *b, struct str s) __attribute__((warn_unused_result));

#endif
