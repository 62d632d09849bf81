/* Bodies that come to JavaScript piece by piece: host.streamRead() and host.streamCancel(). A stream belongs to a run and
 * is gone with it.
 *
 * What gives the bytes is its source. It may push up to the room that it was last told, whether or not JavaScript
 * reads, so a stream never holds more than HOST_STREAM_WINDOW bytes.
 */
#ifndef SCRIPT_HOST_STREAM_H
#define SCRIPT_HOST_STREAM_H

#include "base/str.h"

struct host_stream;
struct script_run;
struct script_vm;

enum { HOST_STREAM_WINDOW = 64 * 1024 };

/* Both may be called while JavaScript runs, and from within host_stream_push(). */
struct host_stream_source {
    /* From now on room bytes may be pushed in all: it is not added to what was told before. The source may push
     * before this returns. */
    void (*want)(void *user, size_t room);
    /* Nobody wants more of it, or the run has ended: neither the stream nor user is used any more. Not called after
     * host_stream_end(). */
    void (*cancel)(void *user);
};

/* A new stream of r; it has room for HOST_STREAM_WINDOW bytes. source is borrowed. Its owner is r: it is gone when it was
 * cancelled, or when all of it was read after host_stream_end(). */
struct host_stream *host_stream_open(struct script_run *r, const struct host_stream_source *source,
                                     void *user);

/* What JavaScript knows it by: a number from 1, unique in its run. */
double host_stream_id(const struct host_stream *s);

/* How many bytes may be pushed now. */
size_t host_stream_room(const struct host_stream *s);

/* Gives it bytes, at most host_stream_room(); they are copied. Enters JavaScript when a read waits (and none runs), so
 * that the stream and its run may be gone afterwards: the source knows by its cancel(). */
void host_stream_push(struct host_stream *s, struct str data);

/* There is no more: its end, or, with an error, a failure. What was pushed before can still be read, but not what comes
 * before a failure. The source must not use the stream any more; the run may be gone afterwards. */
void host_stream_end(struct host_stream *s, const char *error);

/* Settles the reads whose bytes came while JavaScript ran. */
void host_stream_settle_ready(struct script_vm *vm);

/* Cancels all of a run. */
void host_stream_drop_all(struct script_run *r);

#endif
