/* One request to the admin API while it is worked on, for the files of admin/ only.
 *
 * It lives until both the exchange is done and, if it submitted a change, the change is. Everything borrowed from
 * the exchange (x, strs) is gone once x is NULL: then the client is, too.
 */
#ifndef ADMIN_ADMIN_REQUEST_H
#define ADMIN_ADMIN_REQUEST_H

#include "admin/admin.h"
#include "base/buf.h"
#include "base/ilist.h"
#include "http/exchange.h"
#include "model/model.h"

struct store_read;

enum {
    ADMIN_REQUEST_PARTS_MAX = 3,
    ADMIN_REQUEST_BODIES = 8, /* so many of the largest size are collected at once */
};

struct admin {
    struct admin_options options; /* but for auth and version */
    struct admin_auth *auth;
    char *version;
    struct ilist requests;
    size_t body_bytes; /* of all of them */
};

/* Parameters of the query. */
enum admin_request_param {
    ADMIN_REQUEST_NAMESPACE,
    ADMIN_REQUEST_COLLECTION,
    ADMIN_REQUEST_LIMIT,
    ADMIN_REQUEST_OFFSET,
    ADMIN_REQUEST_PARAMS,
};

struct admin_request;
typedef void (*admin_request_fn)(struct admin_request *rq);

struct admin_request {
    struct ilist_node node; /* in admin->requests */
    struct admin *admin;    /* NULL: it is gone */
    struct exchange *x;     /* NULL: it is done */
    admin_request_fn run;   /* to be called once the body is complete; NULL before and after */
    struct buf body;
    bool changing;    /* a change is under way */
    bool putting;     /* and it is a PUT */
    struct buf query; /* the parameters, decoded, one behind the other */
    size_t param_end[ADMIN_REQUEST_PARAMS];
    enum model_kind kind;
    struct str parts[ADMIN_REQUEST_PARTS_MAX]; /* of the path behind the kind, decoded */
    size_t part_count;
    struct str author;
};

/* Becomes the owner of x. Ends by itself. */
struct admin_request *admin_request_create(struct admin *a, struct exchange *x);

/* The admin is going away: the request does its change and tells nobody. */
void admin_request_orphan(struct admin_request *rq);

/* Calls run, now or when the body is there. */
void admin_request_start(struct admin_request *rq, admin_request_fn run, bool with_body);

/* Reads the parameters of the target's query. False when one has a NUL, which separates the parts of keys: then
 * 400 was answered. */
bool admin_request_query(struct admin_request *rq, struct str query)
    __attribute__((warn_unused_result));

/* The value of a parameter, decoded; empty when absent. */
struct str admin_request_param(const struct admin_request *rq, enum admin_request_param id);

/* The namespace that the query names; else "default", or "" when namespaces must be named. */
struct str admin_request_ns(const struct admin_request *rq);

struct admin_request_page {
    uint64_t limit;
    uint64_t offset;
};

/* The functions below answer the request when they return false or NULL. */

/* A snapshot of the store. */
struct store_read *admin_request_read(struct admin_request *rq) __attribute__((warn_unused_result));

/* The same for a list, with the page that is asked for. */
struct store_read *admin_request_list(struct admin_request *rq, struct admin_request_page *ret)
    __attribute__((warn_unused_result));

/* The body as JSON, a new reference. */
json_t *admin_request_json(struct admin_request *rq) __attribute__((warn_unused_result));

/* The same, but it must be an object; an empty body is an empty one. */
json_t *admin_request_object(struct admin_request *rq) __attribute__((warn_unused_result));

/* Submit one change and answer when it is done. put is taken over. */
void admin_request_put(struct admin_request *rq, struct model_resource *put);
void admin_request_delete(struct admin_request *rq, const struct model_ref *ref);

#endif
