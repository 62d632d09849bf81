#include "script/host_flow.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "script/entry.h"
#include "script/host_groups.h"
#include "script/host_message.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"

enum { TEXT_MAX = 160 };

static void on_idle(struct timeout *t);

void host_flow_init(struct script_run *r)
{
    timeout_init(&r->flow.idle, r->vm->loop, on_idle);
}

void host_flow_finish(struct script_run *r)
{
    timeout_finish(&r->flow.idle);
}

static void wait(struct script_run *r)
{
    struct host_flow *f = &r->flow;
    if (f->left > 0 && !f->finished && r->vm->limits.idle_ms > 0)
        timeout_set(&f->idle, r->vm->limits.idle_ms);
    else
        timeout_clear(&f->idle);
}

static void finish(struct script_run *r, const char *error)
{
    struct host_flow *f = &r->flow;
    if (f->finished)
        return;
    f->finished = true;
    timeout_clear(&f->idle);
    r->x->flow->finish(r->x->flow_user, error);
}

static void on_idle(struct timeout *t)
{
    struct script_run *r =
        container_of(container_of(t, struct host_flow, idle), struct script_run, flow);
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof(text), "the body that %.*s streams did not go on within %llu ms",
                   STR_ARG(script_function_name(r->function)),
                   (unsigned long long)r->vm->limits.idle_ms);
    finish(r, text);
}

void host_flow_pull(struct script_run *r, size_t room)
{
    struct host_flow *f = &r->flow;
    if (!(f->ticket > 0) || f->finished)
        return;
    f->left = room;
    wait(r);
    script_run_settle(r, f->ticket, SCRIPT_RUN_AGAIN,
                      JSValueMakeNumber(script_run_context(r), (double)room));
}

void host_flow_fail(struct script_run *r, const char *error)
{
    if (!(r->flow.ticket > 0))
        return;
    r->flow.ticket = 0;
    finish(r, error);
}

void host_flow_drop(struct script_run *r)
{
    struct host_flow *f = &r->flow;
    const double ticket = f->ticket;
    if (!(ticket > 0))
        return;
    f->ticket = 0;
    f->finished = true;
    timeout_clear(&f->idle);
    const JSValueRef text = jsvalue_text(script_run_context(r), STR("the client is gone"));
    script_run_settle(r, ticket, SCRIPT_RUN_REJECT, text);
}

static void want(struct script_run *r, enum script_side side, size_t room)
{
    r->x->flow->want(r->x->flow_user, side, room);
}

static void cancel(struct script_run *r, enum script_side side)
{
    r->flow.in[side] = NULL;
    r->x->flow->cancel(r->x->flow_user, side);
}

static void want_request(void *user, size_t room)
{
    want(user, SCRIPT_REQUEST_BODY, room);
}

static void cancel_request(void *user)
{
    cancel(user, SCRIPT_REQUEST_BODY);
}

static void want_upstream(void *user, size_t room)
{
    want(user, SCRIPT_UPSTREAM_BODY, room);
}

static void cancel_upstream(void *user)
{
    cancel(user, SCRIPT_UPSTREAM_BODY);
}

static const struct host_stream_source sources[SCRIPT_SIDE_COUNT] = {
    [SCRIPT_REQUEST_BODY] = {want_request, cancel_request},
    [SCRIPT_UPSTREAM_BODY] = {want_upstream, cancel_upstream},
};

void host_flow_feed(struct script_run *r, enum script_side side, struct str data)
{
    if (r->flow.in[side] != NULL)
        host_stream_push(r->flow.in[side], data);
}

void host_flow_feed_end(struct script_run *r, enum script_side side, const char *error)
{
    struct host_stream *s = r->flow.in[side];
    if (s == NULL)
        return;
    r->flow.in[side] = NULL;
    host_stream_end(s, error);
}

/* bodyStream(handle, side): the number of a stream, or undefined when the body is there as a whole */
static JSValueRef body_stream(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    struct script_exchange *x = r->x;
    const bool is_request = (int)host_number(ctx, argc, argv, 1) == HOST_MESSAGE_REQUEST;
    const enum script_side side = is_request ? SCRIPT_REQUEST_BODY : SCRIPT_UPSTREAM_BODY;
    struct script_body *b = is_request ? &x->request_body : &x->upstream_body;
    if (b->collected || b->replaced)
        return JSValueMakeUndefined(ctx);
    if (b->taken)
        return jsvalue_throw(ctx, exception, "the body was read already");
    if (x->flow == NULL || !x->flow->open(x->flow_user, side))
        return jsvalue_throw(ctx, exception, "the %s body is not available here",
                             is_request ? "request" : "response");
    b->taken = true;
    r->flow.in[side] = host_stream_open(r, &sources[side], r);
    return JSValueMakeNumber(ctx, host_stream_id(r->flow.in[side]));
}

/* streamOut(handle, ticket): JavaScript gives the response's body. The ticket is settled with the room that there is, again
 * and again, and fails when nobody wants the body any more. */
static JSValueRef stream_out(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                             const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    if (r->x->flow == NULL)
        return jsvalue_throw(ctx, exception, "a body cannot be streamed here");
    r->flow.ticket = host_number(ctx, argc, argv, 1);
    r->flow.finished = false;
    r->flow.left = 0;
    r->x->flows = true;
    return JSValueMakeUndefined(ctx);
}

/* The run that gives a body; NULL when nobody wants it. */
static struct script_run *giving(JSContextRef ctx, size_t argc, const JSValueRef argv[],
                                 JSValueRef *exception)
{
    struct script_run *r = host_run(ctx, argc, argv, exception);
    return r != NULL && r->flow.ticket > 0 && !r->flow.finished ? r : NULL;
}

/* streamWrite(handle, data) */
static JSValueRef stream_write(JSContextRef ctx, JSObjectRef function, JSObjectRef this,
                               size_t argc, const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = giving(ctx, argc, argv, exception);
    struct str data = {NULL, 0};
    if (r == NULL || !jsvalue_bytes(ctx, host_argument(ctx, argc, argv, 1), &data) || data.len == 0)
        return JSValueMakeUndefined(ctx);
    struct host_flow *f = &r->flow;
    f->left -= data.len < f->left ? data.len : f->left;
    r->x->flow->write(r->x->flow_user, data);
    wait(r);
    return JSValueMakeUndefined(ctx);
}

/* streamEnd(handle, error): error is undefined when the body is complete */
static JSValueRef stream_end(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                             const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = giving(ctx, argc, argv, exception);
    if (r == NULL || r->vm->entry->stopped != SCRIPT_OK)
        return JSValueMakeUndefined(ctx); /* the limit that was passed is what ended it */
    r->flow.ticket = 0;
    const JSValueRef error = host_argument(ctx, argc, argv, 1);
    if (!JSValueIsString(ctx, error)) {
        finish(r, NULL);
        return JSValueMakeUndefined(ctx);
    }
    size_t len = 0;
    char *text = jsvalue_copy(ctx, error, &len);
    finish(r, text != NULL ? text : "the body broke off");
    free(text);
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_flow_functions[] = {
    {"bodyStream", body_stream},
    {"streamOut", stream_out},
    {"streamWrite", stream_write},
    {"streamEnd", stream_end},
    {NULL, NULL},
};
