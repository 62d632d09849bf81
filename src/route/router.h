/* The routes of one namespace: a tree over path patterns. It is changed in place, between requests of the
 * one thread that uses it: adding or removing a route costs as much as its own patterns, however many others
 * there are.
 */
#ifndef ROUTE_ROUTER_H
#define ROUTE_ROUTER_H

#include "base/str.h"

struct pattern;
struct router;

struct router *router_create(void);
void router_destroy(struct router *r);

/* Lets target answer method ("GET", ..., or "*" for all that have no target of their own) on the paths of p
 * (a reference is taken). target is borrowed. False, with no change, when that canonical pattern and method
 * are taken. */
bool router_add(struct router *r, struct pattern *p, struct str method, void *target)
    __attribute__((warn_unused_result));

/* Takes that target away again; no effect when the pair has another target or none. */
void router_remove(struct router *r, struct pattern *p, struct str method, const void *target);

enum { ROUTER_PARAMS_MAX = 32 };

struct router_param {
    struct str name;  /* borrowed from the pattern; "*" for the wildcard */
    struct str value; /* inside the path, still percent-encoded */
};

enum router_result { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD, ROUTER_TOO_COMPLEX };

struct router_match {
    void *target;
    struct pattern *pattern; /* borrowed: take a reference to keep it */
    struct router_param params[ROUTER_PARAMS_MAX];
    uint32_t param_count;
};

/* Finds the target for a normalised path. Precedence at each point: literal, then {p:regex}, then {p}, then
 * wildcard, with backtracking: a branch that fails, also for want of the method, falls through to the
 * next. HEAD is answered by a GET target when there is none of its own.
 * NO_METHOD: other methods have a target on that path: router_allow() names them. TOO_COMPLEX: a regular
 * expression ran into its match limit, or backtracking into its bound. */
enum router_result router_find(const struct router *r, struct str method, struct str path,
                               struct router_match *ret);

/* Writes the methods that path has, sorted, as "GET, HEAD, POST" (for Allow); cut at size. */
void router_allow(const struct router *r, struct str path, char *out, size_t size);

/* Whether nothing is in it. */
bool router_empty(const struct router *r);

#endif
