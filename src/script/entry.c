/* How the CPU limit works: the engine's watchdog asks on_slice() after SLICE_MS of CPU time in one entry, and each time
 * it is set again. So the clock is not read when an entry begins, only when a slice is over: the entry
 * then began one slice ago. The watchdog starts anew with each microtask, so an endless chain of short ones
 * never reaches it; for them the runtime library asks entry_tick() every so many jobs.
 */
#include "script/entry.h"

#include <assert.h>
#include <time.h>

#include "script/jsc_private.h"

enum { SLICE_MS = 20, NS_PER_MS = 1000000, LAST_SLICE_US = 500, RECOVER_TRIES = 4 };

static struct script_vm *current;

static uint64_t cpu_now(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool on_slice(JSContextRef ctx, void *user);

static void set_slice(struct script_vm *vm, double seconds)
{
    vm->slice = seconds;
    JSContextGroupSetExecutionTimeLimit(vm->group, seconds, on_slice, vm);
}

static double usual_slice(const struct script_vm *vm)
{
    const uint64_t ms = vm->limits.cpu_ms < SLICE_MS ? vm->limits.cpu_ms : SLICE_MS;
    return (double)ms / 1000;
}

/* What remains of the limit; 0 when it is used up. */
static uint64_t left_ns(struct entry *e)
{
    const uint64_t limit = e->vm->limits.cpu_ms * NS_PER_MS;
    const uint64_t used = cpu_now() - e->started_ns;
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
    struct script_vm *vm = user;
    struct entry *e = vm->entry;
    if (e == NULL) {
        set_slice(vm, usual_slice(vm));
        return false;
    }
    if (e->started_ns == 0)
        e->started_ns = cpu_now() - (uint64_t)(vm->slice * 1e9);
    const uint64_t left = left_ns(e);
    if (e->stopped == SCRIPT_OK && left == 0)
        e->stopped = SCRIPT_CPU;
    else if (e->stopped == SCRIPT_OK && script_vm_grown(vm) > vm->limits.heap_bytes)
        check_heap(e, ctx);
    if (e->stopped != SCRIPT_OK) {
        set_slice(vm, LAST_SLICE_US / 1e6); /* microtasks that are still to come get little */
        return true;
    }
    const double seconds = (double)left / 1e9;
    set_slice(vm, seconds < usual_slice(vm) ? seconds : usual_slice(vm));
    return false;
}

void entry_arm(struct script_vm *vm)
{
    set_slice(vm, usual_slice(vm));
}

bool entry_tick(void)
{
    struct entry *e = current != NULL ? current->entry : NULL;
    if (e == NULL)
        return false;
    if (e->started_ns == 0)
        e->started_ns = cpu_now();
    if (e->stopped == SCRIPT_OK && left_ns(e) == 0)
        e->stopped = SCRIPT_CPU;
    return e->stopped != SCRIPT_OK;
}

struct script_vm *entry_vm(void)
{
    assert(current != NULL);
    return current;
}

void entry_begin(struct entry *e, struct realm *realm, struct str route, struct str function)
{
    struct script_vm *vm = realm->vm;
    assert(vm->entry == NULL);
    *e = (struct entry){.vm = vm, .realm = realm};
    vm->entry = e;
    vm->used = true;
    current = vm;
    if (vm->slice < usual_slice(vm))
        set_slice(vm, usual_slice(vm));
    if (vm->host.running != NULL)
        vm->host.running(vm->host.user, str_of(realm->ns), route, function);
}

JSValueRef entry_call(struct entry *e, enum realm_function f, size_t argc, const JSValueRef *argv)
{
    e->exception = NULL;
    return JSObjectCallAsFunction(e->realm->ctx, e->realm->functions[f], NULL, argc, argv,
                                  &e->exception);
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
        if (exception == NULL)
            return;
    }
}

enum script_status entry_end(struct entry *e)
{
    struct script_vm *vm = e->vm;
    assert(vm->entry == e);
    vm->entry = NULL;
    if (vm->host.running != NULL)
        vm->host.running(vm->host.user, (struct str){0}, (struct str){0}, (struct str){0});
    if (e->stopped != SCRIPT_OK)
        recover(e->realm);
    if (e->stopped == SCRIPT_HEAP)
        vm->wants_restart = true;
    return e->stopped;
}
