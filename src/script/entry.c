/* How the CPU limit works: the engine's watchdog asks on_slice() after SLICE_MS of CPU time in one entry, and each time
 * it is set again. So the clock is not read when an entry begins, only when a slice is over: the entry
 * then began one slice ago. The watchdog starts anew with each microtask that runs after the entry's JavaScript has
 * returned, so an endless chain of short ones would never reach it: entry_drain() runs them before. For those that come
 * later nevertheless the runtime library asks entry_tick() every so many jobs.
 */
#include "script/entry.h"

#include <assert.h>

#include "script/clock_gettime.h"
#include "script/jsc_private.h"
#include "script/mmap.h"
#include "script/outbox.h"
#include "script/script_program.h"

/* The end of a slice makes the engine throw away what it compiled of the code that runs: they are not short. */
enum { SLICE_MS = 100, LAST_SLICE_US = 500, RECOVER_TRIES = 4 };
enum { OWN_CPU_MS = 1000 }; /* of the runtime library without modules */
enum { NS_PER_MS = 1000000, NS_PER_US = 1000, US_PER_MS = 1000 };

static struct script_vm *current;

static bool on_slice(JSContextRef ctx, void *user);

static void set_slice(struct script_engine *engine, uint32_t us)
{
    engine->slice_us = us;
    JSContextGroupSetExecutionTimeLimit(engine->group, us / 1e6, on_slice, engine);
}

/* At least one more look before an entry of that limit is over. */
static uint32_t usual_slice(uint64_t cpu_ms)
{
    return (uint32_t)(cpu_ms < SLICE_MS ? cpu_ms : SLICE_MS) * US_PER_MS;
}

/* What remains of the limit; 0 when it is used up. */
static uint64_t left_ns(const struct entry *e)
{
    const uint64_t limit = e->cpu_ms * NS_PER_MS;
    const uint64_t used = clock_gettime_thread_ns() - e->started_ns;
    return used < limit ? limit - used : 0;
}

/* The process is over its size: maybe only because garbage was not collected yet. */
static void check_heap(struct entry *e, JSContextRef ctx)
{
    if (e->collected)
        e->stopped = SCRIPT_HEAP;
    e->collected = true;
    JSGarbageCollect(ctx);
}

static bool on_slice(JSContextRef ctx, void *user)
{
    struct script_engine *engine = user;
    struct script_vm *vm = engine->vm;
    struct entry *e = vm->entry;
    if (e == NULL) {
        set_slice(engine, usual_slice(vm->limits.cpu_ms));
        return false;
    }
    if (e->started_ns == 0)
        e->started_ns = clock_gettime_thread_ns() - (uint64_t)engine->slice_us * NS_PER_US;
    const uint64_t left = left_ns(e);
    if (e->stopped == SCRIPT_OK && left == 0)
        e->stopped = SCRIPT_CPU;
    else if (e->stopped == SCRIPT_OK && script_vm_is_large(vm))
        check_heap(e, ctx);
    if (e->stopped != SCRIPT_OK) {
        set_slice(engine, LAST_SLICE_US); /* microtasks that are still to come get little */
        return true;
    }
    const uint64_t left_us = left / NS_PER_US + 1;
    const uint32_t usual = usual_slice(e->cpu_ms);
    set_slice(engine, left_us < usual ? (uint32_t)left_us : usual);
    return false;
}

void entry_arm(struct script_engine *engine)
{
    set_slice(engine, usual_slice(engine->vm->limits.cpu_ms));
}

bool entry_tick(void)
{
    struct entry *e = current != NULL ? current->entry : NULL;
    if (e == NULL)
        return false;
    if (e->started_ns == 0)
        e->started_ns = clock_gettime_thread_ns();
    if (e->stopped == SCRIPT_OK && left_ns(e) == 0)
        e->stopped = SCRIPT_CPU;
    return e->stopped != SCRIPT_OK;
}

struct script_vm *entry_vm(void)
{
    assert(current != NULL);
    return current;
}

static void tell_running(const struct entry *e)
{
    if (e->vm->host.running != NULL)
        e->vm->host.running(e->vm->host.user, &e->place);
}

static void take_unit(struct entry *e, const struct unit *unit)
{
    e->place.module = unit_name(unit);
    e->cpu_ms = unit->limits.cpu_ms;
    outbox_set_body_max(e->vm->outbox, unit->limits.body_max);
}

void entry_begin(struct entry *e, struct realm *realm, struct script_program *p,
                 const struct unit *unit, struct str function)
{
    struct script_vm *vm = realm->vm;
    assert(vm->entry == NULL);
    *e = (struct entry){
        .vm = vm, .realm = realm, .program = p, .cpu_ms = OWN_CPU_MS, .refusals = mmap_refusals()};
    if (p != NULL) {
        e->place = p->place;
        e->cpu_ms = p->cpu_ms;
    } else {
        e->place.ns = str_of(realm->ns);
    }
    e->place.function = function;
    if (unit != NULL)
        take_unit(e, unit);
    vm->entry = e;
    vm->used = true;
    engine_hold(realm->engine);
    if (!timeout_is_set(&vm->look))
        engine_look_soon(vm);
    current = vm;
    if (realm->engine->slice_us != usual_slice(e->cpu_ms))
        set_slice(realm->engine, usual_slice(e->cpu_ms));
    tell_running(e);
}

void entry_enter(struct entry *e, const struct unit *unit)
{
    take_unit(e, unit);
    e->started_ns = 0;
    tell_running(e);
}

void entry_load(struct entry *e, const struct unit *unit)
{
    if (e->stopped != SCRIPT_OK)
        return; /* the one before was */
    e->place.module = unit_name(unit);
    tell_running(e);
}

void entry_drain(void)
{
    struct script_engine *engine = current->entry->realm->engine;
    if (!jsc_has_lock())
        return; /* each of them has the limit then, and entry_tick() is asked */
    void *lock[JSC_LOCK_WORDS] = {NULL};
    jsc_lock(lock, engine->group);
    jsc_drain_microtasks(engine->group);
    jsc_unlock(lock);
}

JSValueRef entry_call(struct entry *e, enum realm_function f, size_t argc, const JSValueRef *argv)
{
    e->exception = NULL;
    const JSValueRef result = JSObjectCallAsFunction(e->realm->ctx, e->realm->functions[f], NULL,
                                                     argc, argv, &e->exception);
    engine_drain(e->realm->engine);
    return result;
}

static JSValueRef nothing(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                          const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    (void)exception;
    return JSValueMakeUndefined(ctx);
}

/* A microtask that was stopped leaves the engine about to stop the next call too: let that be an empty one. It must not
 * be JavaScript, which the engine may have to compile first: with its exception pending that aborts the process. */
static void recover(struct realm *r)
{
    JSObjectRef function = JSObjectMakeFunctionWithCallback(r->ctx, NULL, nothing);
    for (int i = 0; i < RECOVER_TRIES; i++) {
        JSValueRef exception = NULL;
        (void)JSObjectCallAsFunction(r->ctx, function, NULL, 0, NULL, &exception);
        engine_drain(r->engine);
        if (exception == NULL)
            return;
    }
}

/* What failed leaves garbage that the engine collects only when about as much has been allocated again, and is likely to
 * be asked for again: soon nothing would be left for what does not fail. */
static void clear_up(const struct entry *e)
{
    struct script_vm *vm = e->vm;
    const bool failed = e->stopped == SCRIPT_CPU || e->failed || e->exception != NULL;
    if (failed && e->realm->engine == vm->now && script_vm_is_large(vm))
        engine_relieve(vm);
}

enum script_status entry_end(struct entry *e)
{
    struct script_vm *vm = e->vm;
    assert(vm->entry == e);
    vm->entry = NULL;
    if (vm->host.running != NULL)
        vm->host.running(vm->host.user, NULL);
    if (e->stopped != SCRIPT_OK)
        recover(e->realm);
    clear_up(e);
    if (e->stopped == SCRIPT_HEAP && e->realm->engine == vm->now)
        engine_ask_renewal(vm);
    return e->stopped;
}
