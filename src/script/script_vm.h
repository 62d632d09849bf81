/* The insides of the VM that the files of this folder share. */
#ifndef SCRIPT_SCRIPT_VM_H
#define SCRIPT_SCRIPT_VM_H

#include <pthread.h>

#include "base/hmap.h"
#include "base/ilist.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "script/engine.h"
#include "script/script.h"
#include "script/script_clock.h"

struct entry;
struct fetch_pool;
struct host_fetch;
struct outbox;

/* Requests under way, by the slot in their handle. */
struct script_slot {
    struct script_run *run; /* NULL: free */
    uint64_t generation;
    uint32_t next_free;
};

struct script_vm {
    struct loop *loop;
    struct script_limits limits;
    struct script_host host;
    struct script_engine *now; /* NULL until the first program */
    struct script_engine *old; /* ends; NULL: there is none */
    uint64_t programs_made;    /* numbers them */
    struct fetch_pool *fetches;
    uint64_t limit_hits[SCRIPT_LIMIT_COUNT];
    struct script_clock clock;

    struct script_slot *slots;
    uint32_t slot_count;
    uint32_t free_slot;         /* the first free one, or slot_count */
    struct ilist finished;      /* of runs whose call has ended but was not yet reported */
    struct ilist answered;      /* of state calls that were answered while JavaScript ran */
    struct ilist streams_ready; /* of host_streams whose read is to be settled then, too */
    struct loop_task later;     /* for them */

    struct entry *entry; /* now running JavaScript; NULL: none */
    struct outbox *outbox;
    size_t base_bytes; /* resident size before the VM */
    bool wants_restart;
    bool used;           /* JavaScript ran since the last housekeeping */
    uint32_t turns;      /* of housekeeping in which it had run, since the last full collection */
    size_t kept_bytes;   /* of growth, after the last full collection */
    uint32_t rest_turns; /* for so many turns no other is made */
    struct timeout housekeeping;

    /* engine.c's. */
    struct loop_task let_go;  /* of the lock that engine_hold() took */
    bool renew;               /* asked for */
    bool end_old;             /* so is the end of the old VM, although there is something in it */
    struct loop_task renewal; /* does these, and ends an old VM that is empty */
    struct timeout retry;
    struct timeout look;
    uint32_t large_looks;  /* in a row at which the process was too large */
    struct timeout retire; /* of the old VM */
    struct timeout settle; /* looks at the memory, until that of the old VM should be back */
    uint32_t settle_looks; /* that are left */
    uint32_t unsettled;    /* renewals in a row after which the process stayed too large */
    size_t retired_bytes;  /* of the old VM, still the process's; until settle is over */
    pthread_t releaser;
    JSContextGroupRef released;
    _Atomic bool has_released;
    bool releasing; /* releaser is to be joined */
};

/* Makes the engine's part if there is none yet. */
void script_vm_start(struct script_vm *vm);

/* The run behind a handle, or NULL when it is over. */
struct script_run *script_vm_find(const struct script_vm *vm, double handle);

/* Gives r a slot and returns its handle, or a negative number when there is none left. */
double script_vm_add(struct script_vm *vm, struct script_run *r);
void script_vm_remove(struct script_vm *vm, double handle);

/* The slot in a handle: small, and no two runs at a time have the same. */
uint32_t script_vm_slot(double handle);

/* Resident bytes that came since the VM is there. */
size_t script_vm_grown(const struct script_vm *vm);

/* Whether that is more than the modules may have. */
bool script_vm_is_large(const struct script_vm *vm);

#endif
