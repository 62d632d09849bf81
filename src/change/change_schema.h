/* The JSON Schemas of a request: collections that it puts with one, and documents that it puts into collections with
 * one. Internal to change/.
 */
#ifndef CHANGE_CHANGE_SCHEMA_H
#define CHANGE_CHANGE_SCHEMA_H

#include "change/change_view.h"

struct change_schema;

/* What is to be checked of n valid entries, which must outlive it; NULL if nothing is. Needs v's snapshot, and notes
 * guards in it. */
struct change_schema *change_schema_collect(struct change_view *v,
                                            const struct change_entry *entries, size_t n);
void change_schema_destroy(struct change_schema *s);

/* Checks it all. done is called once, when problems has got what is wrong; with an error if it could not be checked. */
void change_schema_run(struct change_schema *s, const struct change_host *host,
                       struct model_problems *problems,
                       void (*done)(void *user, const struct err *error), void *user);

#endif
