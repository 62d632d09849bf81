/* A compiler process of our own (script/compiler.h), asked one question at a time. */
#ifndef RUNTIME_COMPILER_LINK_H
#define RUNTIME_COMPILER_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct compiler_link;

/* Forks the process: call it before anything in ours uses the JavaScript engine or has threads. It ends with ours
 * and loads the engine with the first question. memory_bytes: as in struct compiler_options. */
enum err_code compiler_link_create(size_t memory_bytes, struct compiler_link **ret, struct err *e)
    __attribute__((warn_unused_result));

/* Whether the process is still there. For the process that created it. */
bool compiler_link_is_alive(struct compiler_link *c);

/* Ends the process; NULL is allowed. */
void compiler_link_destroy(struct compiler_link *c);

/* From now on an answer that has not come within timeout_ms is an error (ERR_TIMEOUT), and the process is ended: every
 * question after it fails. */
void compiler_link_hurry(struct compiler_link *c, uint64_t timeout_ms);

/* Sends the question (a reference that is taken) and waits for the answer: {"ok":bool,...}, a new reference. NULL
 * when the process ended or the question is too large. */
json_t *compiler_link_ask(struct compiler_link *c, json_t *question, struct err *e)
    __attribute__((warn_unused_result));

/* Lets the process check types, too (js/tool/check/main.ts says what it answers then). */
enum err_code compiler_link_extend(struct compiler_link *c, struct err *e)
    __attribute__((warn_unused_result));

#endif
