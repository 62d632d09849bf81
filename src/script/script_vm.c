#include "script/script_vm.h"

#include <assert.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
#include "script/fetch.h"
#include "script/host_state.h"
#include "script/host_stream.h"
#include "script/jsc_private.h"
#include "script/memory.h"
#include "script/outbox.h"
#include "script/realm.h"
#include "script/script_program.h"
#include "script/script_run.h"

enum {
    HOUSEKEEPING_MS = 1000,
    SLOT_MAX = 65536,
    GLIB_TURNS = 16,
    COLLECT_TURNS_MAX = 5, /* of housekeeping, from one full collection to the next */
    COLLECT_SHARE = 200,   /* they take up to 1/200 of the time */
};
enum { NS_PER_US = 1000, US_PER_MS = 1000 };

/* A full collection comes sooner when the process has grown by so much since the last one. */
static const size_t COLLECT_STEP = (size_t)3 << 20;

/* Up to this growth of the process a full collection is a matter of milliseconds. */
static const size_t COLLECT_GROWN_MAX = (size_t)128 << 20;

/* The engine tells on stderr that it obeys GIGACAGE_ENABLED, once, when it is first used: that is no news. */
static void start_engine_quietly(void)
{
    const int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const bool quiet = saved >= 0 && null >= 0 && dup2(null, STDERR_FILENO) >= 0;
    JSContextGroupRelease(JSContextGroupCreate());
    if (quiet)
        (void)dup2(saved, STDERR_FILENO);
    if (null >= 0)
        (void)close(null);
    if (saved >= 0)
        (void)close(saved);
}

void script_vm_prepare_process(void)
{
    static bool prepared;
    if (prepared)
        return;
    prepared = true;
    /* Without the cage typed arrays are allocated of the size that they have. */
    (void)setenv("GIGACAGE_ENABLED", "0", 1);
    /* Compiled loops look for themselves whether they are to stop: the signal that would tell them otherwise does not reach
     * all that is inlined, and such a loop was never ended. */
    (void)setenv("JSC_usePollingTraps", "1", 1);
    /* The last of the engine's compilers takes most of the memory and time that compiling takes, and what was running when
     * the watchdog's timer struck is compiled again: it is for code that works long, not for all that answers requests. */
    (void)setenv("JSC_thresholdForFTLOptimizeAfterWarmUp", "5000000", 0);
    /* New objects come to as much as there were old ones, not to twice as much, until the engine collects. */
    (void)setenv("JSC_heapGrowthMaxIncrease", "2", 0);
    (void)JSConfigureSignalForGC(SIGPWR);
    start_engine_quietly();
}

size_t script_vm_grown(const struct script_vm *vm)
{
    const size_t now = memory_resident();
    return now > vm->base_bytes ? now - vm->base_bytes : 0;
}

bool script_vm_is_large(const struct script_vm *vm)
{
    return script_vm_grown(vm) > vm->limits.heap_bytes + vm->retired_bytes;
}

uint64_t script_vm_limit_hits(const struct script_vm *vm, enum script_limit limit)
{
    return vm->limit_hits[limit];
}

/* What is garbage after it survived a collection, as the objects of a request that waited, stays until a full collection,
 * which the engine puts off until there is a lot of it. */
static void collect(struct script_vm *vm)
{
    const size_t grown = script_vm_grown(vm);
    vm->turns++;
    /* By the turn after a collection the memory is back at the kernel. */
    if (vm->turns == 1)
        vm->kept_bytes = grown;
    const bool is_due = vm->turns >= COLLECT_TURNS_MAX || grown > vm->kept_bytes + COLLECT_STEP;
    if (!is_due || grown > COLLECT_GROWN_MAX || vm->turns < vm->rest_turns)
        return;
    const uint64_t start_ns = now_mono_ns();
    engine_collect(vm->now);
    const uint64_t took_us = (now_mono_ns() - start_ns) / NS_PER_US;
    vm->rest_turns = (uint32_t)(took_us * COLLECT_SHARE / (HOUSEKEEPING_MS * US_PER_MS));
    vm->turns = 0;
}

static void on_housekeeping(struct timeout *t)
{
    struct script_vm *vm = container_of(t, struct script_vm, housekeeping);
    for (int i = 0; i < GLIB_TURNS && g_main_context_iteration(NULL, FALSE); i++) {
    }
    if (vm->used && vm->now != NULL) {
        script_program_housekeep(vm->now);
        realm_housekeep(vm->now);
        collect(vm);
        vm->used = false;
    }
    timeout_set(&vm->housekeeping, HOUSEKEEPING_MS);
}

static void on_later(struct loop_task *t)
{
    struct script_vm *vm = container_of(t, struct script_vm, later);
    host_state_settle_answered(vm);
    host_stream_settle_ready(vm);
    script_run_report(vm);
}

struct script_vm *script_vm_create(struct loop *loop, const struct script_limits *limits,
                                   const struct script_host *host)
{
    struct script_vm *vm = mem_alloc(sizeof(*vm));
    vm->loop = loop;
    vm->limits = *limits;
    vm->host = *host;
    vm->outbox = outbox_create();
    vm->fetches = host->fetch != NULL ? fetch_pool_create(loop, host->fetch) : NULL;
    vm->host.fetch = NULL;
    vm->later.run = on_later;
    script_clock_init(&vm->clock);
    ilist_init(&vm->finished);
    ilist_init(&vm->answered);
    ilist_init(&vm->streams_ready);
    timeout_init(&vm->housekeeping, loop, on_housekeeping);
    engine_init(vm);
    return vm;
}

void script_vm_start(struct script_vm *vm)
{
    if (vm->base_bytes > 0)
        return;
    script_vm_prepare_process();
    vm->base_bytes = memory_resident();
    timeout_set(&vm->housekeeping, HOUSEKEEPING_MS);
}

struct script_clock *script_vm_clock(struct script_vm *vm)
{
    return &vm->clock;
}

void script_vm_destroy(struct script_vm *vm)
{
    if (vm == NULL)
        return;
    assert(vm->entry == NULL);
    loop_unschedule(&vm->later);
    timeout_finish(&vm->housekeeping);
    fetch_pool_destroy(vm->fetches);
    engine_finish(vm);
    free(vm->outbox);
    free(vm->slots);
    free(vm);
}

bool script_vm_wants_restart(const struct script_vm *vm)
{
    return vm->wants_restart;
}

/* A handle is slot + generation * SLOT_MAX: exact in a double for 2^37 uses of each slot. */
static double handle_of(uint32_t slot, uint64_t generation)
{
    return (double)(slot + (generation * SLOT_MAX));
}

struct script_run *script_vm_find(const struct script_vm *vm, double handle)
{
    if (!(handle >= SLOT_MAX && handle < 9007199254740992.0))
        return NULL;
    const uint64_t h = (uint64_t)handle;
    const uint64_t slot = h % SLOT_MAX;
    if (slot >= vm->slot_count || vm->slots[slot].generation != h / SLOT_MAX)
        return NULL;
    return vm->slots[slot].run;
}

static void grow_slots(struct script_vm *vm)
{
    const uint32_t count = vm->slot_count == 0 ? 64 : vm->slot_count * 2;
    vm->slots = mem_resize(vm->slots, count, sizeof(vm->slots[0]));
    for (uint32_t i = vm->slot_count; i < count; i++)
        vm->slots[i] = (struct script_slot){.generation = 1, .next_free = i + 1};
    vm->free_slot = vm->slot_count;
    vm->slot_count = count;
}

double script_vm_add(struct script_vm *vm, struct script_run *r)
{
    if (vm->free_slot == vm->slot_count) {
        if (vm->slot_count >= SLOT_MAX)
            return -1;
        grow_slots(vm);
    }
    const uint32_t slot = vm->free_slot;
    struct script_slot *s = &vm->slots[slot];
    vm->free_slot = s->next_free;
    s->run = r;
    return handle_of(slot, s->generation);
}

uint32_t script_vm_slot(double handle)
{
    return (uint32_t)((uint64_t)handle % SLOT_MAX);
}

void script_vm_remove(struct script_vm *vm, double handle)
{
    if (handle < 0)
        return;
    const uint32_t slot = script_vm_slot(handle);
    struct script_slot *s = &vm->slots[slot];
    s->run = NULL;
    s->generation++;
    s->next_free = vm->free_slot;
    vm->free_slot = slot;
}
