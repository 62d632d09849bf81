/* proxy.init_resources: lists of resources that a configuration file brings along. */
#ifndef CONFIG_RESOURCES_H
#define CONFIG_RESOURCES_H

#include "config/config.h"
#include "config/report.h"

enum { RESOURCES_LIST_MAX = 10000 }; /* entries of one list */

/* Reads the source files that modules name (relative to dir), then checks every entry on its own and that
 * none is there twice. Returns the lists as they go into struct config, or JSON null; what is wrong goes to
 * r. default_ns as in model_decode(). */
json_t *resources_load(json_t *lists, const char *dir, const char *default_ns, struct report *r);

#endif
