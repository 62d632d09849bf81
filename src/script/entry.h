/* One entry into JavaScript: a call, or what settles a promise, with the microtasks that follow. The CPU limit is
 * measured over it. Entries do not nest: functions of the host never call JavaScript.
 */
#ifndef SCRIPT_ENTRY_H
#define SCRIPT_ENTRY_H

#include "script/realm.h"
#include "script/script_vm.h"

struct unit;

struct entry {
    struct script_vm *vm;
    struct realm *realm;
    struct script_program *program; /* whose code runs; NULL: the runtime's only */
    struct script_place place;
    uint64_t cpu_ms;            /* its limit */
    uint64_t started_ns;        /* the thread's CPU clock; 0: not looked at yet */
    enum script_status stopped; /* SCRIPT_OK: not stopped */
    bool collected;             /* garbage collection was asked for */
    JSValueRef exception;       /* of the last entry_call() */
    uint64_t refusals;          /* mmap_refusals() when it began */
    bool failed;                /* a function of a module has failed */
};

/* p is whose code runs; NULL: only the runtime library's. unit is whose function it is: it has that module's limit; NULL:
 * the highest of the program's. */
void entry_begin(struct entry *e, struct realm *realm, struct script_program *p,
                 const struct unit *unit, struct str function);

/* From here on it is a function of that module that runs: it has a limit of its own. */
void entry_enter(struct entry *e, const struct unit *unit);

/* From here on it is that module's top-level code that runs. */
void entry_load(struct entry *e, const struct unit *unit);

/* Calls one of the runtime's functions. NULL when it threw (e->exception). */
JSValueRef entry_call(struct entry *e, enum realm_function f, size_t argc, const JSValueRef *argv);

/* Ends it; returns SCRIPT_OK, or the limit that stopped it. */
enum script_status entry_end(struct entry *e);

/* The VM whose JavaScript runs on this thread; for functions of the host only. */
struct script_vm *entry_vm(void);

/* Whether the CPU limit of the entry at hand is used up: asked by the runtime, which counts microtasks. */
bool entry_tick(void);

/* Runs what promises have put off. Within the entry, so that the engine's watchdog counts all of it as one; later each
 * would count for itself. */
void entry_drain(void);

/* Sets the engine's watchdog for a new VM. */
void entry_arm(struct script_engine *engine);

#endif
