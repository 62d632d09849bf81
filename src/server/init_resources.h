/* The resources of the config file: applied at start when an entry is new, or its text differs from what this file last
 * applied; never because somebody else changed the resource since. The store keeps a hash of each entry's text.
 */
#ifndef SERVER_INIT_RESOURCES_H
#define SERVER_INIT_RESOURCES_H

#include "change/change.h"
#include "config/config.h"

/* Called once; e is NULL on success. */
typedef void (*init_resources_done)(void *user, const struct err *e);

/* Makes the namespace "default" on the first start (unless disabled) and applies the entries, as one change. Problems are
 * logged, all of them, before done is called. config must live until then. */
void init_resources_apply(struct change_sink *sink, struct store *store,
                          const struct config *config, init_resources_done done, void *user);

#endif
