/* Reads the configuration again for a server that runs. */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "server/launch.h"

enum reload_result { RELOAD_BAD, RELOAD_SAME, RELOAD_CHANGED };

/* Loads what a start with this flag (-c, may be NULL) would load, for the server that runs with l, and says in the log what is wrong with it, or which
 * changes need a restart. CHANGED: *ret is the configuration to run with from now on. */
enum reload_result reload_load(const char *flag, const struct launch *l, struct config **ret);

/* Lowers limits.client_connections to what the limit of open files allows, which is lifted as far as it can be. Warns unless
 * that is what the running configuration (NULL: none) has. */
void reload_fit(struct config *c, uint32_t workers, const struct config *running);

#endif
