/* What is wrong with the modules of a route together: imports that it does not list, several that choose the upstream.
 * js/runtime/program.ts and entries.ts link by the same rules. Internal to change/.
 */
#ifndef CHANGE_CHANGE_CHAIN_H
#define CHANGE_CHANGE_CHAIN_H

#include "change/change_facts.h"

enum { CHANGE_CHAIN_TEXT_MAX = 1024 };

/* One problem: it is about the route's module `index`, and about `other` as well when that is another one. text is
 * valid during the call. */
typedef void (*change_chain_fn)(void *user, size_t index, size_t other, const char *text);

/* facts has one for each of the route's modules, NULL for a module that is not there. */
void change_chain_check(const struct model_route *route, const struct change_module *const *facts,
                        change_chain_fn report, void *user);

#endif
