/* One entry into JavaScript: a call, or what settles a promise, with the microtasks that follow. The CPU limit is
 * measured over it. Entries do not nest: functions of the host never call JavaScript.
 */
#ifndef SCRIPT_ENTRY_H
#define SCRIPT_ENTRY_H

#include "script/realm.h"
#include "script/script_vm.h"

struct entry {
    struct script_vm *vm;
    struct realm *realm;
    uint64_t started_ns;        /* the thread's CPU clock; 0: not looked at yet */
    enum script_status stopped; /* SCRIPT_OK: not stopped */
    bool collected;             /* garbage collection was asked for */
    JSValueRef exception;       /* of the last entry_call() */
};

/* route and function are what runs, for the shared page. */
void entry_begin(struct entry *e, struct realm *realm, struct str route, struct str function);

/* Calls one of the runtime's functions. NULL when it threw (e->exception). */
JSValueRef entry_call(struct entry *e, enum realm_function f, size_t argc, const JSValueRef *argv);

/* Ends it; returns SCRIPT_OK, or the limit that stopped it. */
enum script_status entry_end(struct entry *e);

/* The VM whose JavaScript runs on this thread; for functions of the host only. */
struct script_vm *entry_vm(void);

/* Whether the CPU limit of the entry at hand is used up: asked by the runtime, which counts microtasks. */
bool entry_tick(void);

/* Sets the engine's watchdog for a new VM. */
void entry_arm(struct script_vm *vm);

#endif
