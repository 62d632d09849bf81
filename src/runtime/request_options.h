/* A request as the command line says it: --request "GET /path", --header "Name: value", --body TEXT or @FILE,
 * --param NAME=VALUE; and what modules find: --collection NAME or NAME=@FILE, --secret
 * NAME=VALUE.
 */
#ifndef RUNTIME_REQUEST_OPTIONS_H
#define RUNTIME_REQUEST_OPTIONS_H

#include <jansson.h>

#include "base/buf.h"
#include "codec/http_head.h"
#include "runtime/arguments.h"
#include "runtime/memory_state.h"

/* For the tables of options of commands, and their help. */
/* clang-format off */
#define REQUEST_OPTIONS_TABLE                                                                      \
    {"--request", "-r", "\"METHOD /PATH\""},                                                       \
    {"--header", "-H", "\"NAME: VALUE\""},                                                         \
    {"--body", "-d", "TEXT|@FILE"},                                                                \
    {"--param", "-p", "NAME=VALUE"},                                                               \
    {"--collection", NULL, "NAME[=@FILE]"},                                                                \
    {"--secret", NULL, "NAME=VALUE"}

#define REQUEST_OPTIONS_HELP                                                                       \
    "  -r, --request \"METHOD /PATH?QUERY\"  default \"GET /\", with a body \"POST /\"\n"            \
    "  -H, --header \"NAME: VALUE\"         may be repeated\n"                                      \
    "  -d, --body TEXT|@FILE              @FILE: what the file has\n"                              \
    "  -p, --param NAME=VALUE             a path parameter: the segment of the path that is VALUE\n" \
    "                                     is one called NAME; may be repeated\n"                   \
    "      --collection NAME[=@FILE]      a collection that dgate/state has, empty; @FILE: its JSON\n"  \
    "                                     Schema; may be repeated\n"                               \
    "      --secret NAME=VALUE            a secret that getSecret() gives; may be repeated\n"
/* clang-format on */

enum request_options_index {
    REQUEST_OPTIONS_REQUEST,
    REQUEST_OPTIONS_HEADER,
    REQUEST_OPTIONS_BODY,
    REQUEST_OPTIONS_PARAM,
    REQUEST_OPTIONS_COLLECTION,
    REQUEST_OPTIONS_SECRET,
    REQUEST_OPTIONS_COUNT,
};

struct request_options {
    struct arena arena;
    struct http_head head; /* in the arena, or the command line */
    struct buf body;
    bool has_body;
    struct {
        VEC_OF(struct script_param);
    } params;
    struct {
        VEC_OF(json_t *); /* as the admin API takes them */
    } collections;
    struct {
        VEC_OF(struct script_param);
    } secrets;
};

void request_options_init(struct request_options *o);
void request_options_finish(struct request_options *o);

/* Takes the option that arguments_next() returned; false when its value is wrong, which was said. */
bool request_options_take(struct request_options *o, const struct arguments *a, int option)
    __attribute__((warn_unused_result));

/* Completes the head when all options are taken. */
void request_options_complete(struct request_options *o);

/* Makes the collections and secrets; false when one cannot be, which was said. */
bool request_options_fill(const struct request_options *o, struct memory_state *state)
    __attribute__((warn_unused_result));

/* The path pattern of the request, with its parameters: "/users/{id}", in the arena; empty, which was said, when the path has no
 * segment of a parameter's value. */
struct str request_options_pattern(struct request_options *o, const struct arguments *a);

#endif
