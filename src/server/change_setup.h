/* From the limits of the configuration to the options of the path of changes. */
#ifndef SERVER_CHANGE_SETUP_H
#define SERVER_CHANGE_SETUP_H

#include "change/change.h"
#include "change/entries.h"
#include "config/config.h"
#include "server/compile_pool.h"

struct change_options change_setup_options(const struct config *c);
struct entries_options change_setup_entries(const struct config *c);

/* launch_fd is left to the caller. */
struct compile_pool_options change_setup_compilers(const struct config *c);
struct compile_pool_options change_setup_validators(const struct config *c);

#endif
