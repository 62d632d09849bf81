/* One test file under way: its program, the routes that its tests make, and the questions of "dgate/test" (js/tool/test),
 * which come as JSON and are answered from the loop:
 *   {"op":"route","modules":["auth.ts"],"route":{...},"service":{...}|null} -> {"route":n}
 *   {"op":"request","route":n,"method","target","host","address","headers","body"} -> {"request":n}
 *   {"op":"next"} -> what happens next: {"event":"response","id","status","headers","body"}, or "reset" with a text;
 *                    {"event":"upstream"|"fetch","id","route","method","url","headers","body"}
 *   {"op":"answer","id":n,"status","headers","body"} or {"op":"answer","id":n,"fail":"CONNECT"} -> null
 *   {"op":"clear"} -> null: no collections and documents any more
 */
#ifndef RUNTIME_SESSION_H
#define RUNTIME_SESSION_H

#include "config/config.h"

struct compiler_link;
struct session;

/* Loads the test file with what it imports and runs its top-level code. NULL with problems. All is borrowed. */
struct session *session_create(const struct config *config, struct compiler_link *compiler,
                               const char *path, struct model_problems *problems);
void session_destroy(struct session *s);

/* Asks the library in the test file's program (js/tool/test/index.ts); the question is taken. NULL with e filled when
 * a limit ended it. What it left behind is dropped. */
json_t *session_ask(struct session *s, json_t *question, struct err *e)
    __attribute__((warn_unused_result));

#endif
