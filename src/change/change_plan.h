/* A validated request as proposals that fit the engine's limits. Internal to change/. */
#ifndef CHANGE_CHANGE_PLAN_H
#define CHANGE_CHANGE_PLAN_H

#include "change/change_log.h"
#include "change/change_view.h"

struct change_plan;

/* The request's side of it; borrowed while the plan lives. */
struct change_plan_input {
    struct change_entry *entries; /* sorted as they are to be applied; all valid */
    size_t n;
    const struct engine_op *meta; /* META writes, each with the index of its entry in meta_entry */
    const size_t *meta_entry;
    size_t meta_count;
    const struct engine_guard *guards; /* what validation looked at */
    size_t guard_count;
    struct str author;
    struct str source;
    const char *time;
};

/* TOO_LARGE, with its label, when one entry alone passes the limits. */
enum err_code change_plan_create(const struct change_plan_input *input, struct change_plan **ret,
                                 struct err *e) __attribute__((warn_unused_result));
void change_plan_destroy(struct change_plan *p);

size_t change_plan_count(const struct change_plan *p);

/* The i-th proposal, borrowed until the next call. base is the revision of the one before it (i > 0): what this
 * request itself wrote since the snapshot does not break its guards. */
const struct engine_proposal *change_plan_get(struct change_plan *p, size_t i, uint64_t base);

#endif
