#include "script/host_state.h"

#include <stdlib.h>

#include "base/mem.h"
#include "script/entry.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"

/* One question. It lives until its answer, which may come after its run has ended. */
struct host_state {
    struct ilist_node asked;    /* in the run's list */
    struct ilist_node answered; /* in the VM's list */
    struct script_run *run;     /* NULL: it has ended */
    double ticket;
    char *text; /* an answer that waits */
    size_t len;
    bool ok;
};

static void settle(struct host_state *s, struct str text, bool ok)
{
    struct script_run *r = s->run;
    const double ticket = s->ticket;
    if (r == NULL)
        return;
    ilist_remove(&s->asked);
    s->run = NULL;
    script_run_settle(r, ticket, ok ? SCRIPT_RUN_RESOLVE : SCRIPT_RUN_REJECT,
                      jsvalue_text(script_run_context(r), text));
}

static void destroy(struct host_state *s)
{
    ilist_remove(&s->asked);
    ilist_remove(&s->answered);
    free(s->text);
    free(s);
}

static void on_answer(void *user, struct str result, const struct err *error)
{
    struct host_state *s = user;
    const struct str text = error != NULL ? str_of(error->msg) : result;
    if (s->run == NULL) {
        destroy(s);
        return;
    }
    struct script_vm *vm = s->run->vm;
    if (vm->entry == NULL) {
        settle(s, text, error == NULL);
        destroy(s);
        return;
    }
    s->text = mem_dup(text.p, text.len);
    s->len = text.len;
    s->ok = error == NULL;
    ilist_push(&vm->answered, &s->answered);
    loop_schedule(vm->loop, &vm->later);
}

void host_state_settle_answered(struct script_vm *vm)
{
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&vm->answered)) != NULL) {
        struct host_state *s = container_of(n, struct host_state, answered);
        settle(s, (struct str){s->text, s->len}, s->ok);
        destroy(s);
    }
}

void host_state_drop_all(struct script_run *r)
{
    ilist_for_each_safe (n, next, &r->asked) {
        struct host_state *s = container_of(n, struct host_state, asked);
        ilist_remove(&s->asked);
        s->run = NULL;
        if (ilist_linked(&s->answered))
            destroy(s);
    }
}

/* Hands the question over to whom it concerns. */
static void put_question(struct host_state *s, const struct script_vm *vm,
                         const struct script_state_request *request)
{
    if (request->op == SCRIPT_TOOL)
        vm->host.tool(vm->host.user, request->args, on_answer, s);
    else
        vm->host.state(vm->host.user, request, on_answer, s);
}

/* state(handle, ticket, op, module, args) */
static JSValueRef ask(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                      const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL || argc < 5)
        return JSValueMakeUndefined(ctx);
    const struct script_vm *vm = r->vm;
    const int op = (int)JSValueToNumber(ctx, argv[2], NULL);
    if (op == SCRIPT_TOOL ? vm->host.tool == NULL : vm->host.state == NULL)
        return jsvalue_throw(ctx, exception, "there is no state here");
    if ((op < SCRIPT_GET_COLLECTION || op > SCRIPT_STORAGE_INCREMENT) && op != SCRIPT_TOOL)
        return JSValueMakeUndefined(ctx);
    struct script_state_request request = {.op = (enum script_state_op)op,
                                           .ns = str_of(vm->entry->realm->ns)};
    char *module = jsvalue_copy(ctx, argv[3], &request.module.len);
    char *args = jsvalue_copy(ctx, argv[4], &request.args.len);
    request.module.p = module;
    request.args.p = args;
    struct host_state *s = mem_alloc(sizeof(*s));
    s->run = r;
    s->ticket = JSValueToNumber(ctx, argv[1], NULL);
    ilist_push(&r->asked, &s->asked);
    put_question(s, vm, &request);
    free(args);
    free(module);
    return JSValueMakeUndefined(ctx);
}

/* The request of stateNow(op, module, args); *ret_module and *ret_args are what it points into, for the caller to free. */
static struct script_state_request now_request(JSContextRef ctx, const struct script_vm *vm,
                                               const JSValueRef argv[], char **ret_module,
                                               char **ret_args)
{
    struct script_state_request request = {
        .op = (enum script_state_op)(int)JSValueToNumber(ctx, argv[0], NULL),
        .ns = str_of(vm->entry->realm->ns),
    };
    *ret_module = jsvalue_copy(ctx, argv[1], &request.module.len);
    *ret_args = jsvalue_copy(ctx, argv[2], &request.args.len);
    request.module.p = *ret_module;
    request.args.p = *ret_args;
    return request;
}

/* stateNow(op, module, args): the result's text. */
static JSValueRef ask_now(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                          const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_vm *vm = entry_vm();
    if (argc < 3 || vm->host.state_now == NULL)
        return jsvalue_throw(ctx, exception, "there is no state here");
    char *module = NULL;
    char *args = NULL;
    struct script_state_request request = now_request(ctx, vm, argv, &module, &args);
    struct buf out;
    struct err e = {0};
    JSValueRef result = NULL;
    buf_init(&out, SCRIPT_STATE_RESULT_MAX);
    if (!script_state_reads(request.op))
        result = jsvalue_throw(ctx, exception, "this is not a read");
    else if (vm->host.state_now(vm->host.user, &request, &out, &e))
        result = jsvalue_text(ctx, buf_str(&out));
    else
        result = jsvalue_throw(ctx, exception, "%s", e.msg);
    buf_finish(&out);
    free(args);
    free(module);
    return result;
}

const struct host_function host_state_functions[] = {
    {"state", ask}, {"stateNow", ask_now}, {NULL, NULL}};
