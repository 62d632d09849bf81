/* A virtual machine of the engine with its contexts. There is one at a time, and an older one beside it while that ends.
 *
 * When the modules used too much memory the VM is renewed: programs are made anew in another VM, what runs in the old one
 * has RETIRE_MS to end, then its memory goes back as a whole.
 */
#ifndef SCRIPT_ENGINE_H
#define SCRIPT_ENGINE_H

#include <JavaScriptCore/JavaScript.h>

#include "base/hmap.h"
#include "base/ilist.h"

struct script_vm;

struct script_engine {
    struct script_vm *vm;
    JSContextGroupRef group;
    struct hmap realms;    /* by namespace */
    struct ilist programs; /* that are made in it */
    uint32_t slice_us;     /* what its watchdog is set to */
};

/* The one that programs are made in, created if there is none. */
struct script_engine *engine_current(struct script_vm *vm);

/* Has the modules moved to another VM, at the end of this turn of the loop. */
void engine_ask_renewal(struct script_vm *vm);

/* Collects all its garbage now. No effect when e is NULL or has no context. */
void engine_collect(struct script_engine *e);

/* The process is too large: collects garbage, or, when that was of no help, has the old VM end or the modules move to another
 * one, at the end of this turn. */
void engine_relieve(struct script_vm *vm);

/* JavaScript runs: in a moment it will be seen whether the process is too large. */
void engine_look_soon(struct script_vm *vm);

/* A program is gone: maybe the old VM has none left. */
void engine_program_gone(struct script_engine *e);

/* Takes its lock until the end of this turn of the loop: each call into the engine would take it anew. */
void engine_hold(struct script_engine *e);

/* What promises put off runs now, as it does whenever the lock is given back. For those who called JavaScript. */
void engine_drain(const struct script_engine *e);

/* The parts of struct script_vm that are engine.c's. */
void engine_init(struct script_vm *vm);
void engine_finish(struct script_vm *vm);

#endif
