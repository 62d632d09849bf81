/* A call runs its chain in JavaScript. If the chain ends at once, its outcome is what the runtime library returned;
 * if it waits for a promise, host.done() tells the outcome in a later entry, in whose microtasks the promise settled.
 * An outcome is only reported after JavaScript has returned, so that done may do anything, destroying the run included.
 */
#include "script/script_run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "script/entry.h"
#include "script/host_fetch.h"
#include "script/host_state.h"
#include "script/host_stream.h"
#include "script/host_timer.h"
#include "script/jsvalue.h"
#include "script/mmap.h"
#include "script/outbox.h"
#include "script/script_program.h"

enum { OUTCOME_DONE, OUTCOME_PARKED, OUTCOME_THREW, LIMIT_TEXT_MAX = 320 };

JSContextRef script_run_context(const struct script_run *r)
{
    return r->program->realm->ctx;
}

static enum script_limit limit_of(enum script_status status)
{
    switch (status) {
    case SCRIPT_CPU:
        return SCRIPT_LIMIT_CPU;
    case SCRIPT_WALL:
        return SCRIPT_LIMIT_WALL;
    case SCRIPT_HEAP:
        return SCRIPT_LIMIT_HEAP;
    case SCRIPT_OK:
    case SCRIPT_THREW:
    default:
        return SCRIPT_LIMIT_COUNT;
    }
}

char *script_run_limit_text(const char *module, struct str function, enum script_status status,
                            const struct script_limits *l)
{
    char text[LIMIT_TEXT_MAX];
    if (status == SCRIPT_CPU) {
        (void)snprintf(text, sizeof(text),
                       "%s: %.*s used more than its %llu ms of CPU time (limit cpu)", module,
                       STR_ARG(function), (unsigned long long)l->cpu_ms);
    } else if (status == SCRIPT_WALL) {
        (void)snprintf(text, sizeof(text),
                       "%s: the promise of %.*s did not settle within %llu ms (limit wall)", module,
                       STR_ARG(function), (unsigned long long)l->wall_ms);
    } else {
        (void)snprintf(
            text, sizeof(text),
            "%s: %.*s ran while the modules used more than their %llu MB of memory (limit heap)",
            module, STR_ARG(function), (unsigned long long)(l->heap_bytes >> 20));
    }
    return mem_strdup(text);
}

static char *limit_text(const struct script_run *r, enum script_status status)
{
    return script_run_limit_text(r->unit->name, script_function_name(r->function), status,
                                 &r->unit->limits);
}

void script_run_hit(struct script_run *r, enum script_limit limit)
{
    const struct script_vm *vm = r->vm;
    r->limit = limit;
    if ((r->hits & (1U << limit)) != 0 || vm->entry == NULL)
        return;
    r->hits |= 1U << limit;
    r->vm->limit_hits[limit]++;
    char text[LIMIT_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "the limit \"%s\" was passed", script_limit_name(limit));
    if (vm->host.log != NULL)
        vm->host.log(vm->host.user, LOG_WARN, &vm->entry->place, str_of(text));
}

void script_run_end(struct script_run *r, enum script_status status, char *text, size_t len)
{
    if (!r->calling || r->ended) {
        free(text);
        return;
    }
    const struct entry *e = r->vm->entry;
    if (status == SCRIPT_THREW && e != NULL && e->refusals != mmap_refusals())
        script_run_hit(r, SCRIPT_LIMIT_HEAP);
    r->ended = true;
    r->status = status;
    r->text = text;
    r->text_len = len;
    ilist_push(&r->vm->finished, &r->finished_node);
}

static void end_failed(struct script_run *r, enum script_status status, char *text)
{
    script_run_end(r, status, text, strlen(text));
}

/* A limit outranks what the function itself came to. */
static void stop(struct script_run *r, enum script_status status)
{
    r->vm->limit_hits[limit_of(status)]++;
    if (!r->calling) {
        char *text = limit_text(r, status);
        host_flow_fail(r, text);
        free(text);
        return;
    }
    if (r->ended) {
        free(r->text);
        r->status = status;
        r->text = limit_text(r, status);
        r->text_len = strlen(r->text);
    } else {
        end_failed(r, status, limit_text(r, status));
    }
}

static void report(struct script_run *r)
{
    char *text = r->text;
    const struct script_outcome outcome = {
        .status = r->status,
        .responded = r->status == SCRIPT_OK && r->x->response_sent,
        .text = {text, text != NULL ? r->text_len : 0},
        .limit = r->status == SCRIPT_THREW ? r->limit : limit_of(r->status),
        .module = r->unit != NULL ? unit_name(r->unit) : (struct str){0},
    };
    script_program_count(r->program, r->unit, r->function, r->status);
    r->text = NULL;
    r->calling = false;
    r->ended = false;
    timeout_clear(&r->wall);
    r->done(r->user, &outcome); /* r may be gone now */
    free(text);
}

void script_run_report(struct script_vm *vm)
{
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&vm->finished)) != NULL)
        report(container_of(n, struct script_run, finished_node));
}

static void on_wall(struct timeout *t)
{
    struct script_run *r = container_of(t, struct script_run, wall);
    struct script_vm *vm = r->vm;
    stop(r, SCRIPT_WALL);
    script_run_report(vm);
}

struct script_run *script_run_create(struct script_program *p, struct script_exchange *x,
                                     struct arena *memory)
{
    struct script_run *r = arena_alloc(memory, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->vm = p->vm;
    r->program = script_program_ref(p);
    r->x = x;
    r->handle = script_vm_add(p->vm, r);
    r->limit = SCRIPT_LIMIT_COUNT;
    r->unit = &p->units[0];
    ilist_push(&p->runs, &r->node);
    ilist_init(&r->timers);
    ilist_init(&r->fetches);
    ilist_init(&r->asked);
    ilist_init(&r->streams);
    host_flow_init(r);
    timeout_init(&r->wall, p->vm->loop, on_wall);
    buf_init(&x->response_body, script_program_body_max(p));
    return r;
}

/* What a function made before it failed is not the answer: error handlers begin anew. */
static void discard_response(struct script_run *r)
{
    struct script_exchange *x = r->x;
    host_flow_drop(r);
    x->flows = false;
    x->response_status = 0;
    x->response_sent = false;
    x->response_fields.n = 0;
    buf_clear(&x->response_body);
}

static void take_result(struct script_run *r, struct entry *e, JSValueRef v)
{
    JSContextRef ctx = script_run_context(r);
    if (v == jsvalue_uint(ctx, OUTCOME_DONE)) { /* the usual, and cheap to ask */
        script_run_end(r, SCRIPT_OK, NULL, 0);
        return;
    }
    size_t len = 0;
    if (v == NULL) {
        char *text = e->stopped == SCRIPT_OK ? realm_describe(e->realm, e->exception, &len) : NULL;
        script_run_end(r, SCRIPT_THREW, text, len);
        return;
    }
    if (JSValueIsString(ctx, v)) {
        char *text = jsvalue_copy(ctx, v, &len);
        script_run_end(r, SCRIPT_OK, text, len);
        return;
    }
    const int outcome = (int)jsvalue_number(ctx, v);
    if (outcome == OUTCOME_PARKED && !r->ended)
        timeout_set_from_now(&r->wall, r->unit->limits.wall_ms);
}

void script_run_call(struct script_run *r, enum script_function f, struct str error_text,
                     script_done_fn done, void *user)
{
    assert(!r->calling);
    struct script_vm *vm = r->vm;
    r->calling = true;
    r->call++;
    r->function = f;
    r->done = done;
    r->user = user;
    r->limit = SCRIPT_LIMIT_COUNT;
    r->unit = &r->program->units[r->program->first[f]];
    if (r->program->realm == NULL) {
        stop(r, SCRIPT_HEAP);
        script_run_report(vm);
        return;
    }
    if (r->handle < 0) {
        end_failed(r, SCRIPT_THREW, mem_strdup("too many requests are in modules"));
        script_run_report(vm);
        return;
    }
    if (f == SCRIPT_ERROR_HANDLER)
        discard_response(r);
    JSContextRef ctx = script_run_context(r);
    struct entry e;
    entry_begin(&e, r->program->realm, r->program, r->unit, script_function_name(f));
    const JSValueRef argv[] = {
        r->program->object,
        JSValueMakeNumber(ctx, r->handle),
        jsvalue_uint(ctx, script_vm_slot(r->handle)),
        jsvalue_uint(ctx, r->call),
        jsvalue_uint(ctx, f),
        f == SCRIPT_ERROR_HANDLER ? jsvalue_text(ctx, error_text) : JSValueMakeUndefined(ctx),
    };
    const JSValueRef result = entry_call(&e, REALM_RUN, ARRAY_LEN(argv), argv);
    outbox_drain(vm);
    take_result(r, &e, result);
    const enum script_status stopped = entry_end(&e);
    if (stopped != SCRIPT_OK)
        stop(r, stopped);
    script_run_report(vm);
}

void script_run_settle(struct script_run *r, double ticket, enum script_run_settlement how,
                       JSValueRef value)
{
    struct script_vm *vm = r->vm;
    struct realm *realm = r->program->realm;
    struct entry e;
    entry_begin(&e, realm, r->program, r->unit, script_function_name(r->function));
    const JSValueRef argv[] = {
        JSValueMakeNumber(realm->ctx, r->handle),
        JSValueMakeNumber(realm->ctx, ticket),
        JSValueMakeNumber(realm->ctx, (double)how),
        value != NULL ? value : JSValueMakeUndefined(realm->ctx),
    };
    (void)entry_call(&e, REALM_SETTLE, ARRAY_LEN(argv), argv);
    outbox_drain(vm);
    const enum script_status stopped = entry_end(&e);
    if (stopped != SCRIPT_OK)
        stop(r, stopped);
    script_run_report(vm);
}

void script_run_pull(struct script_run *r, size_t room)
{
    host_flow_pull(r, room);
}

void script_run_feed(struct script_run *r, enum script_side side, struct str data)
{
    host_flow_feed(r, side, data);
}

void script_run_feed_end(struct script_run *r, enum script_side side, const char *error)
{
    host_flow_feed_end(r, side, error);
}

static void drop_pending(struct script_run *r)
{
    host_flow_drop(r);
    host_timer_drop_all(r);
    host_stream_drop_all(r);
    host_fetch_drop_all(r);
    host_state_drop_all(r);
}

void script_run_abandon(struct script_run *r)
{
    stop(r, SCRIPT_HEAP);
    drop_pending(r);
}

void script_run_destroy(struct script_run *r)
{
    if (r == NULL)
        return;
    assert(r->vm->entry == NULL);
    r->calling = false;
    ilist_remove(&r->finished_node);
    drop_pending(r);
    host_flow_finish(r);
    timeout_finish(&r->wall);
    ilist_remove(&r->node);
    script_vm_remove(r->vm, r->handle);
    script_program_unref(r->program);
    free(r->text);
}
