/* The insides of a program. */
#ifndef SCRIPT_SCRIPT_PROGRAM_H
#define SCRIPT_SCRIPT_PROGRAM_H

#include <JavaScriptCore/JavaScript.h>

#include "base/ilist.h"
#include "script/script.h"
#include "script/unit.h"

struct realm;
struct script_engine;

struct script_program {
    unsigned refs;
    struct script_vm *vm;
    struct ilist_node node; /* of its engine's programs */
    struct ilist runs;      /* of struct script_run */
    struct realm *realm;    /* NULL: its VM has ended */
    char *route;
    struct script_place place; /* of what runs in it; ns is the realm's, route ours */
    struct unit *units;        /* its modules, in the route's order */
    size_t unit_count;
    uint64_t cpu_ms;                       /* the highest of theirs */
    JSObjectRef object;                    /* the runtime library's Program; protected */
    uint32_t first[SCRIPT_FUNCTION_COUNT]; /* the unit whose function is called first */
    uint32_t functions;                    /* a bit for each enum script_function */
    bool reads_request;
    bool reads_response;
    uint64_t window_ms; /* when it began to count */
    uint32_t calls;     /* since */
    uint32_t stops;     /* of them, ended by processor time or memory */
};

/* Its VM ends: runs end with SCRIPT_HEAP (to be reported), and nothing of it is in the VM any more. */
void script_program_abandon(struct script_program *p);

/* A call came to its end. */
void script_program_count(struct script_program *p, const struct unit *unit, enum script_function f,
                          enum script_status status);

/* The module of that name; NULL: none. */
struct unit *script_program_unit(struct script_program *p, struct str name);

/* Tells how many lines of the log were dropped. */
void script_program_housekeep(struct script_engine *engine);

#endif
