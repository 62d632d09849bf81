/* What modules run on without a server: an event loop, the VM with the limits of the configuration, and a state and
 * a cache in memory. Requests go through the proxy itself (runtime/stage_route.h).
 */
#ifndef RUNTIME_STAGE_H
#define RUNTIME_STAGE_H

#include "config/config.h"
#include "runtime/memory_state.h"
#include "script/script.h"
#include "server/module_cache.h"

struct compiler_link;
struct http_client;
struct loop;
struct resolver;

struct stage {
    struct loop *loop;
    const struct config *config;
    struct script_vm *vm;
    struct memory_state state;
    struct module_cache cache;       /* node is NULL: there is none, which was said */
    struct compiler_link *validator; /* of JSON Schema; NULL: there is none, which was said */
    struct resolver *resolver;
    struct http_client *client; /* of real upstreams */
    uint64_t entries;           /* into JavaScript, and out of it */
    /* Answers "dgate/tool"; set tool before stage_open(). */
    void (*tool)(void *user, struct str args, script_state_done done, void *done_user);
    void *tool_user;
};

/* Makes all of it in a zeroed stage (tool and tool_user may be set). config is borrowed. The engine is used from here on,
 * and a process was forked before. */
void stage_open(struct stage *s, const struct config *config);

/* No route may be left. */
void stage_close(struct stage *s);

/* Empties the state and the cache. */
void stage_clear(struct stage *s);

/* Runs the loop until over says so. pump moves what the loop does not know of (exchanges in memory) and returns whether
 * there was anything; it is called before the loop waits. */
void stage_run(struct stage *s, bool (*pump)(void *user), bool (*over)(void *user), void *user);

/* The configuration of that file (NULL: the defaults); NULL when it is wrong, which is said on standard error. The caller
 * destroys it. Log lines go to standard error from here on, warnings and worse unless level says otherwise. */
struct config *stage_config(const char *file, enum log_level level);

#endif
