/* The node's cache as modules use it: entries of their namespace, with the limits of the configuration. */
#ifndef SERVER_MODULE_CACHE_H
#define SERVER_MODULE_CACHE_H

#include "base/buf.h"
#include "base/err.h"
#include "node/node_segment.h"

enum { MODULE_CACHE_KEY_MAX = 512 };

struct module_cache {
    struct node_segment *node; /* borrowed */
    size_t value_max;
    uint64_t
        stopped_ns; /* where time can be stopped: the monotonic time that it is; 0: real time */
};

/* As the functions of struct script_host. */
bool module_cache_get(struct module_cache *c, struct str ns, struct str key, struct buf *out);
bool module_cache_set(struct module_cache *c, struct str ns, struct str key, struct str value,
                      double ttl_s, struct err *e);
bool module_cache_delete(struct module_cache *c, struct str ns, struct str key);

#endif
