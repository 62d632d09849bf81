/* HTTP requests of modules: libcurl's multi interface on our loop. Connections are kept and shared by all modules of the
 * process.
 */
#ifndef SCRIPT_FETCH_H
#define SCRIPT_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct fetch;
struct fetch_pool;
struct loop;

enum fetch_redirect { FETCH_FOLLOW, FETCH_ERROR, FETCH_MANUAL };

struct fetch_field {
    struct str name;
    struct str value;
};

struct fetch_request {
    struct str url; /* http or https */
    struct str method;
    const struct fetch_field *fields;
    size_t field_count;
    struct str body;
    bool has_body;
    enum fetch_redirect redirect;
    size_t body_max; /* of the response */
};

/* What came; valid during the callback. */
struct fetch_result {
    const char *error; /* NULL on success */
    uint16_t status;
    struct str reason;
    struct str url; /* after redirects */
    bool redirected;
    const struct fetch_field *fields;
    size_t field_count;
    struct str body;
};

/* Called exactly once on the loop, unless cancelled before. */
typedef void (*fetch_done)(void *user, const struct fetch_result *result);

struct fetch_pool *fetch_pool_create(struct loop *loop);

/* Every fetch must have ended. NULL is allowed. */
void fetch_pool_destroy(struct fetch_pool *p);

/* Begins one; copies what it needs of the request. NULL when libcurl refuses it (*error says why). */
struct fetch *fetch_start(struct fetch_pool *p, const struct fetch_request *request,
                          fetch_done done, void *user, const char **error);

/* Drops it: done is not called any more. */
void fetch_cancel(struct fetch *f);

#endif
