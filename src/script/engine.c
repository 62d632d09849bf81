#include "script/engine.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "script/entry.h"
#include "script/jsc_private.h"
#include "script/mmap.h"
#include "script/realm.h"
#include "script/script_program.h"
#include "script/script_run.h"
#include "script/script_vm.h"

enum {
    RETIRE_MS = 5000, /* for what runs in an old VM */
    SETTLE_MS = 3000, /* until its memory is back at the latest */
    SETTLE_LOOK_MS = 100,
    RETRY_MS = 20, /* while an older one is being released */
    LOOK_MS = 100, /* at the process's memory, while modules run */
    LOOKS_MAX = 3, /* in a row at which it was too large, the first of which collected garbage */
    UNSETTLED_MAX = 10,
};

/* Beside the VM's own budget, which is looked at now and then only: what the engine may grow by in between, and the process
 * itself for connections. */
static const size_t RESERVE = (size_t)512 << 20;

static struct script_engine *create(struct script_vm *vm)
{
    struct script_engine *e = mem_alloc(sizeof(*e));
    *e = (struct script_engine){.vm = vm, .group = JSContextGroupCreate()};
    hmap_init(&e->realms);
    ilist_init(&e->programs);
    entry_arm(e);
    mmap_limit(vm->limits.heap_bytes + RESERVE);
    return e;
}

struct script_engine *engine_current(struct script_vm *vm)
{
    if (vm->now == NULL)
        vm->now = create(vm);
    return vm->now;
}

/* The lock that engine_hold() took. Of one VM at a time: each has its table of the thread's strings in use while it is
 * locked, and puts back the one of before. */
static _Thread_local struct {
    const struct script_engine *engine; /* NULL: none */
    void *lock[JSC_LOCK_WORDS];
} held;

static void let_go(void)
{
    if (held.engine != NULL)
        jsc_unlock(held.lock);
    held.engine = NULL;
}

void engine_hold(struct script_engine *e)
{
    if (held.engine == e || !jsc_has_lock())
        return;
    let_go();
    jsc_lock(held.lock, e->group);
    held.engine = e;
    loop_schedule(e->vm->loop, &e->vm->let_go);
}

void engine_drain(const struct script_engine *e)
{
    if (held.engine == e)
        jsc_drain_microtasks(e->group);
}

static void on_let_go(struct loop_task *t)
{
    (void)t;
    let_go();
}

static void *release(void *user)
{
    struct script_vm *vm = user;
    JSContextGroupRelease(vm->released);
    if (jsc_release_free_memory != NULL)
        jsc_release_free_memory();
    vm->has_released = true;
    return NULL;
}

/* A VM at a time is released, so that they do not become many. */
static bool is_releasing(const struct script_vm *vm)
{
    return vm->releasing && !vm->has_released;
}

static void join(struct script_vm *vm)
{
    if (vm->releasing)
        (void)pthread_join(vm->releaser, NULL);
    vm->releasing = false;
}

/* Millions of objects take a good part of a second to go: not on the loop's thread. Only the collector's signal may
 * reach the thread that does it. */
static void release_elsewhere(struct script_vm *vm, JSContextGroupRef group)
{
    sigset_t all;
    sigset_t before;
    join(vm);
    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGPWR);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    vm->released = group;
    vm->has_released = false;
    vm->releasing = pthread_create(&vm->releaser, NULL, release, vm) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!vm->releasing)
        JSContextGroupRelease(group);
}

static void destroy(struct script_engine *e)
{
    struct hmap_node *n = NULL;
    if (e == NULL)
        return;
    let_go();
    while ((n = hmap_any(&e->realms)) != NULL)
        realm_destroy(container_of(n, struct realm, node));
    hmap_finish(&e->realms);
    release_elsewhere(e->vm, e->group);
    free(e);
}

static void begin_to_settle(struct script_vm *vm)
{
    vm->settle_looks = SETTLE_MS / SETTLE_LOOK_MS;
    timeout_set(&vm->settle, SETTLE_LOOK_MS);
}

/* The old VM goes; what still has programs in it is told. */
static void end_old(struct script_vm *vm)
{
    struct script_engine *old = vm->old;
    if (old == NULL)
        return;
    ilist_for_each_safe (n, next, &old->programs) {
        script_program_abandon(container_of(n, struct script_program, node));
    }
    timeout_clear(&vm->retire);
    vm->end_old = false;
    vm->old = NULL;
    destroy(old);
    begin_to_settle(vm);
    script_run_report(vm);
}

static void ask_end_of_old(struct script_vm *vm)
{
    vm->end_old = true;
    loop_schedule(vm->loop, &vm->renewal);
}

static void on_retired(struct timeout *t)
{
    ask_end_of_old(container_of(t, struct script_vm, retire));
}

static void on_retry(struct timeout *t)
{
    struct script_vm *vm = container_of(t, struct script_vm, retry);
    loop_schedule(vm->loop, &vm->renewal);
}

/* By now the memory of the old VM should be the system's again. If it is not, the modules may have used as much anew: the
 * process is only given up when that is so again and again. */
static void settled(struct script_vm *vm)
{
    vm->retired_bytes = 0;
    if (!script_vm_is_large(vm))
        vm->unsettled = 0;
    else if (++vm->unsettled < UNSETTLED_MAX)
        engine_ask_renewal(vm);
    else
        vm->wants_restart = true;
}

/* What went back to the system is not the new VM's to use: else each that is renewed soon would grow further than the one
 * before. */
static void on_settle(struct timeout *t)
{
    struct script_vm *vm = container_of(t, struct script_vm, settle);
    const size_t grown = script_vm_grown(vm);
    if (grown < vm->retired_bytes)
        vm->retired_bytes = grown;
    if (vm->old == NULL && --vm->settle_looks == 0)
        settled(vm);
    else
        timeout_set(&vm->settle, SETTLE_LOOK_MS);
}

static void renew(struct script_vm *vm)
{
    end_old(vm);
    begin_to_settle(vm);
    vm->retired_bytes = script_vm_grown(vm);
    vm->old = vm->now;
    vm->now = NULL;
    vm->large_looks = 0;
    log_warn("script", "the modules use more than limits.module_heap_mb: they are loaded anew");
    if (vm->host.renewed != NULL)
        vm->host.renewed(vm->host.user);
    timeout_set(&vm->retire, RETIRE_MS);
    if (ilist_empty(&vm->old->programs))
        end_old(vm);
}

static void on_turn_end(struct loop_task *t)
{
    struct script_vm *vm = container_of(t, struct script_vm, renewal);
    const bool is_over = vm->old != NULL && (vm->end_old || ilist_empty(&vm->old->programs));
    if (is_releasing(vm) && (vm->renew || is_over)) {
        timeout_set(&vm->retry, RETRY_MS);
        return;
    }
    if (vm->renew && vm->now != NULL)
        renew(vm);
    else if (is_over)
        end_old(vm);
    vm->renew = false;
    vm->end_old = false;
}

void engine_ask_renewal(struct script_vm *vm)
{
    vm->renew = true;
    loop_schedule(vm->loop, &vm->renewal);
}

void engine_collect(struct script_engine *e)
{
    struct hmap_node *n = e != NULL ? hmap_any(&e->realms) : NULL;
    if (n != NULL)
        JSSynchronousGarbageCollectForDebugging(container_of(n, struct realm, node)->ctx);
}

/* First it may be garbage, which goes at once, and its memory a little later; then what grows is stopped. Far above the limit
 * a collection would take long. */
void engine_relieve(struct script_vm *vm)
{
    const bool is_far = script_vm_grown(vm) / 3 > (vm->limits.heap_bytes + vm->retired_bytes) / 2;
    vm->large_looks++;
    if (vm->old != NULL)
        ask_end_of_old(vm);
    else if (is_far || vm->large_looks >= LOOKS_MAX)
        engine_ask_renewal(vm);
    else if (vm->large_looks == 1)
        engine_collect(vm->now);
}

/* An old VM may only end what it is at. */
static bool old_grows(const struct script_vm *vm)
{
    return vm->old != NULL && script_vm_grown(vm) > vm->retired_bytes + (vm->limits.heap_bytes / 2);
}

static void on_look(struct timeout *t)
{
    struct script_vm *vm = container_of(t, struct script_vm, look);
    if (old_grows(vm)) {
        ask_end_of_old(vm);
    } else if (script_vm_is_large(vm)) {
        engine_relieve(vm);
    } else {
        vm->large_looks = 0;
        return;
    }
    engine_look_soon(vm);
}

void engine_look_soon(struct script_vm *vm)
{
    timeout_set(&vm->look, LOOK_MS);
}

void engine_program_gone(struct script_engine *e)
{
    if (e == e->vm->old && ilist_empty(&e->programs))
        loop_schedule(e->vm->loop, &e->vm->renewal);
}

void engine_init(struct script_vm *vm)
{
    vm->renewal.run = on_turn_end;
    vm->let_go.run = on_let_go;
    timeout_init(&vm->retire, vm->loop, on_retired);
    timeout_init(&vm->retry, vm->loop, on_retry);
    timeout_init(&vm->look, vm->loop, on_look);
    timeout_init(&vm->settle, vm->loop, on_settle);
}

void engine_finish(struct script_vm *vm)
{
    loop_unschedule(&vm->renewal);
    loop_unschedule(&vm->let_go);
    timeout_finish(&vm->retire);
    timeout_finish(&vm->retry);
    timeout_finish(&vm->look);
    timeout_finish(&vm->settle);
    destroy(vm->old);
    destroy(vm->now);
    join(vm);
}
