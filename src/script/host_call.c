/* The frame of a call: installing the runtime library, ends of calls, the CPU limit, the log. */
#include <stdlib.h>

#include "script/entry.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/outbox.h"
#include "script/script_program.h"

/* js/runtime/host.ts: enum Outcome. */
enum { OUTCOME_DONE, OUTCOME_PARKED, OUTCOME_THREW };

static JSValueRef install(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                          const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    JSObjectRef list = JSValueToObject(ctx, host_argument(ctx, argc, argv, 0), exception);
    if (list == NULL)
        return JSValueMakeUndefined(ctx);
    if (!realm_install(entry_vm()->entry->realm, list))
        return jsvalue_throw(ctx, exception, "a function of the runtime library is missing");
    return JSValueMakeUndefined(ctx);
}

/* outbox(): ArrayBuffer */
static JSValueRef outbox(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    return outbox_buffer(ctx, entry_vm()->outbox, exception);
}

static JSValueRef tick(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    (void)exception;
    return JSValueMakeBoolean(ctx, entry_tick());
}

static JSValueRef alive(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    const double handle = host_number(ctx, argc, argv, 0);
    return JSValueMakeBoolean(ctx, script_vm_find(entry_vm(), handle) != NULL);
}

/* The run whose call of that number goes on: (handle, call). */
static struct script_run *calling_run(JSContextRef ctx, size_t argc, const JSValueRef argv[])
{
    struct script_run *r = script_vm_find(entry_vm(), host_number(ctx, argc, argv, 0));
    const uint32_t call = (uint32_t)host_number(ctx, argc, argv, 1);
    return r != NULL && r->calling && !r->ended && r->call == call ? r : NULL;
}

static JSValueRef calling(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                          const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    return JSValueMakeBoolean(ctx, calling_run(ctx, argc, argv) != NULL);
}

/* done(handle, call, outcome, text) */
static JSValueRef done(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    struct script_run *r = calling_run(ctx, argc, argv);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const JSValueRef text = host_argument(ctx, argc, argv, 3);
    size_t len = 0;
    char *copy = JSValueIsString(ctx, text) ? jsvalue_copy(ctx, text, &len) : NULL;
    const bool threw = (int)host_number(ctx, argc, argv, 2) == OUTCOME_THREW;
    script_run_end(r, threw ? SCRIPT_THREW : SCRIPT_OK, copy);
    return JSValueMakeUndefined(ctx);
}

/* log(level, module, text) */
static JSValueRef log_line(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    const struct script_vm *vm = entry_vm();
    if (vm->host.log == NULL || argc < 3)
        return JSValueMakeUndefined(ctx);
    const int level = (int)JSValueToNumber(ctx, argv[0], NULL);
    size_t module_len = 0;
    size_t text_len = 0;
    char *module = jsvalue_copy(ctx, argv[1], &module_len);
    char *text = jsvalue_copy(ctx, argv[2], &text_len);
    if (module != NULL && text != NULL && level >= LOG_DEBUG && level <= LOG_ERROR)
        vm->host.log(vm->host.user, (enum log_level)level, str_of(vm->entry->realm->ns),
                     (struct str){module, module_len}, (struct str){text, text_len});
    free(text);
    free(module);
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_call_functions[] = {
    {"install", install}, {"outbox", outbox}, {"tick", tick},    {"alive", alive},
    {"calling", calling}, {"done", done},     {"log", log_line}, {NULL, NULL},
};
