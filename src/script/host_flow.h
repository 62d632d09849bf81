/* Bodies that flow through a run: those that JavaScript reads piece by piece, and the one that it gives piece by piece.
 * The proxy's side of it is struct script_flow.
 */
#ifndef SCRIPT_HOST_FLOW_H
#define SCRIPT_HOST_FLOW_H

#include "io/timeout.h"
#include "script/host_stream.h"
#include "script/script.h"

/* Part of a run. */
struct host_flow {
    double ticket; /* of what JavaScript is to be told about the body that it gives; 0: none */
    bool finished; /* the proxy was told its end */
    size_t left;   /* bytes that it may still give before the next pull */
    struct timeout idle;
    struct host_stream *in[SCRIPT_SIDE_COUNT]; /* that still have a source */
};

void host_flow_init(struct script_run *r);

/* Ends it; after host_flow_drop() and host_stream_drop_all(). */
void host_flow_finish(struct script_run *r);

/* As the functions of script_run. */
void host_flow_pull(struct script_run *r, size_t room);
void host_flow_feed(struct script_run *r, enum script_side side, struct str data);
void host_flow_feed_end(struct script_run *r, enum script_side side, const char *error);

/* A limit was passed: the body that JavaScript gives, if any, breaks off, and it is not asked again. */
void host_flow_fail(struct script_run *r, const char *error);

/* Tells JavaScript, if it gives a body, that nobody wants it. */
void host_flow_drop(struct script_run *r);

#endif
