/* The JavaScript context of one namespace: its own globals and built-in objects, with the runtime library in it. */
#ifndef SCRIPT_REALM_H
#define SCRIPT_REALM_H

#include <JavaScriptCore/JavaScript.h>

#include "base/err.h"
#include "base/hmap.h"
#include "base/str.h"

struct script_engine;
struct script_vm;

/* What the runtime library installs, in the order of js/runtime/main.ts. */
enum realm_function {
    REALM_RUN,
    REALM_SETTLE,
    REALM_CREATE_PROGRAM,
    REALM_ADD_MODULE,
    REALM_LINK_PROGRAM,
    REALM_DROP_PROGRAM,
    REALM_SWEEP,
    REALM_DESCRIBE,
    REALM_REJECTED,
    REALM_FUNCTION_COUNT,
};

struct realm {
    struct hmap_node node;
    struct script_vm *vm;
    struct script_engine *engine; /* that it is in */
    char *ns;
    JSGlobalContextRef ctx;
    JSObjectRef functions[REALM_FUNCTION_COUNT]; /* protected */
    uint32_t programs;                           /* that are made in it */
    bool idle; /* had none at the last housekeeping: it goes at the next */
};

/* The realm of a namespace, made when there is none. NULL with e filled when the VM cannot make one. */
struct realm *realm_get(struct script_engine *engine, struct str ns, struct err *e)
    __attribute__((warn_unused_result));

/* Takes over the runtime library's functions: what its host.install([...]) gives. */
bool realm_install(struct realm *r, JSObjectRef functions) __attribute__((warn_unused_result));

/* Must have no programs. */
void realm_destroy(struct realm *r);

/* Drops what ended requests left, and realms that are long unused. */
void realm_housekeep(struct script_engine *engine);

/* The text of a thrown value with its place in the source; the caller frees it. Never NULL; it may have NULs. */
char *realm_describe(struct realm *r, JSValueRef thrown, size_t *ret_len);

#endif
