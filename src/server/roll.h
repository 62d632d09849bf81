/* A roll gives every place of the process tree a new process with the current launch text: control first, since it may
 * refuse the text, then one worker after the other.
 */
#ifndef SERVER_ROLL_H
#define SERVER_ROLL_H

#include "server/keeper.h"

struct roll {
    struct keeper *keepers; /* control, then the workers; borrowed */
    size_t count;
    struct keeper_shared *shared;
    /* All is replaced: from now on no connection is accepted by one of before. */
    void (*on_done)(void *user);
    /* A place cannot be filled. The callee may begin another roll; if it does not, this one goes on trying. */
    void (*on_failed)(void *user, const struct keeper *k);
    void *user;
    bool active;
    size_t place;      /* the keeper that the next three are about */
    uint64_t due_ms;   /* until when the process that was started last must be ready */
    uint64_t again_ms; /* not before then the next try */
    uint32_t tries;    /* of this place that failed */
};

/* Begins to replace what is not of the current generation; shared has the new text by now. */
void roll_begin(struct roll *r);

/* Takes the steps that are possible now: to be called every few milliseconds while it is active. */
void roll_step(struct roll *r);

/* Whether a process that was replaced has not ended yet. */
bool roll_is_settling(const struct roll *r);

#endif
