/* A read that finds bytes gets them at once, all that are held; else its ticket is settled when bytes come. A failure
 * goes before what is held: who reads a body that broke off is told as soon as possible. A stream that failed stays, so
 * that no later read takes it for one that has ended.
 */
#include "script/host_stream.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "script/entry.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"

struct host_stream {
    struct ilist_node node; /* in the run's streams */
    struct ilist_node
        ready; /* in the VM's, when a read is to be settled after JavaScript has returned */
    struct script_run *run;
    double id;
    const struct host_stream_source *source; /* NULL: it has ended */
    void *user;
    struct buf held;
    char *error;   /* that it ended with, or NULL */
    double ticket; /* of the read that waits; 0: none */
};

struct host_stream *host_stream_open(struct script_run *r, const struct host_stream_source *source,
                                     void *user)
{
    struct host_stream *s = mem_alloc(sizeof(*s));
    s->run = r;
    s->id = ++r->stream_count;
    s->source = source;
    s->user = user;
    buf_init(&s->held, HOST_STREAM_WINDOW);
    ilist_push(&r->streams, &s->node);
    return s;
}

static void destroy(struct host_stream *s)
{
    ilist_remove(&s->node);
    ilist_remove(&s->ready);
    buf_finish(&s->held);
    free(s->error);
    free(s);
}

static void cancel(struct host_stream *s)
{
    if (s->source != NULL)
        s->source->cancel(s->user);
    destroy(s);
}

double host_stream_id(const struct host_stream *s)
{
    return s->id;
}

size_t host_stream_room(const struct host_stream *s)
{
    return buf_room(&s->held);
}

static void free_chunk(void *bytes, void *user)
{
    (void)user;
    free(bytes);
}

/* All that is held, as an ArrayBuffer. */
static JSValueRef take_held(JSContextRef ctx, struct host_stream *s, JSValueRef *exception)
{
    size_t len = 0;
    char *bytes = buf_take(&s->held, &len);
    JSObjectRef buffer =
        JSObjectMakeArrayBufferWithBytesNoCopy(ctx, bytes, len, free_chunk, NULL, exception);
    return buffer != NULL ? buffer : JSValueMakeUndefined(ctx);
}

/* Answers the read that waits, with what is there. s and its run may be gone afterwards. */
static void settle(struct host_stream *s)
{
    struct script_run *r = s->run;
    JSContextRef ctx = script_run_context(r);
    const double ticket = s->ticket;
    s->ticket = 0;
    if (s->error != NULL) {
        script_run_settle(r, ticket, SCRIPT_RUN_REJECT, jsvalue_text(ctx, str_of(s->error)));
    } else if (s->held.len > 0) {
        script_run_settle(r, ticket, SCRIPT_RUN_RESOLVE, take_held(ctx, s, NULL));
    } else {
        assert(s->source == NULL);
        destroy(s);
        script_run_settle(r, ticket, SCRIPT_RUN_RESOLVE, NULL);
    }
}

/* Something came: a read that waits gets it, now or when JavaScript has returned. */
static void answer(struct host_stream *s)
{
    struct script_vm *vm = s->run->vm;
    if (!(s->ticket > 0))
        return;
    if (vm->entry == NULL) {
        settle(s);
    } else if (!ilist_linked(&s->ready)) {
        ilist_push(&vm->streams_ready, &s->ready);
        loop_schedule(vm->loop, &vm->later);
    }
}

void host_stream_settle_ready(struct script_vm *vm)
{
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&vm->streams_ready)) != NULL)
        answer(container_of(n, struct host_stream, ready));
}

void host_stream_push(struct host_stream *s, struct str data)
{
    assert(s->source != NULL);
    if (data.len == 0)
        return;
    const bool fits = buf_add(&s->held, data);
    assert(fits);
    answer(s);
}

void host_stream_end(struct host_stream *s, const char *error)
{
    assert(s->source != NULL);
    s->source = NULL;
    if (error != NULL) {
        s->error = mem_strdup(error);
        buf_finish(&s->held);
    }
    answer(s);
}

void host_stream_drop_all(struct script_run *r)
{
    ilist_for_each_safe (n, next, &r->streams) {
        cancel(container_of(n, struct host_stream, node));
    }
}

static struct host_stream *find(const struct script_run *r, double id)
{
    ilist_for_each (n, &r->streams) {
        struct host_stream *s = container_of(n, struct host_stream, node);
        if (!(s->id < id) && !(s->id > id))
            return s;
    }
    return NULL;
}

/* What a read gets at once: bytes, null at the end, undefined when it has to wait. */
static JSValueRef read_now(JSContextRef ctx, struct host_stream *s, JSValueRef *exception)
{
    if (s->error != NULL)
        return jsvalue_throw(ctx, exception, "%s", s->error);
    if (s->held.len > 0)
        return take_held(ctx, s, exception);
    if (s->source != NULL)
        return JSValueMakeUndefined(ctx);
    destroy(s);
    return JSValueMakeNull(ctx);
}

/* streamRead(handle, id, ticket): an ArrayBuffer, null at the end, or undefined, when the ticket is settled later with an
 * ArrayBuffer, or undefined at the end. One read at a time. */
static JSValueRef read(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    struct host_stream *s = find(r, host_number(ctx, argc, argv, 1));
    if (s == NULL)
        return JSValueMakeNull(ctx);
    if (s->ticket > 0)
        return jsvalue_throw(ctx, exception, "the body is being read already");
    if (s->held.len == 0 && s->source != NULL)
        s->source->want(s->user, host_stream_room(s));
    const JSValueRef now = read_now(ctx, s, exception);
    if (JSValueIsNull(ctx, now) || *exception != NULL)
        return now; /* s may be gone */
    if (JSValueIsUndefined(ctx, now))
        s->ticket = host_number(ctx, argc, argv, 2);
    else if (s->source != NULL)
        s->source->want(s->user, host_stream_room(s));
    return now;
}

/* streamCancel(handle, id) */
static JSValueRef cancel_by_id(JSContextRef ctx, JSObjectRef function, JSObjectRef this,
                               size_t argc, const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    const struct script_run *r = script_vm_find(entry_vm(), host_number(ctx, argc, argv, 0));
    struct host_stream *s = r != NULL ? find(r, host_number(ctx, argc, argv, 1)) : NULL;
    if (s != NULL)
        cancel(s);
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_stream_functions[] = {
    {"streamRead", read}, {"streamCancel", cancel_by_id}, {NULL, NULL}};
