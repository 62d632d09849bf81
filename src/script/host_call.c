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

/* The run whose call of that number goes on: (handle, call). What the call has written comes first: it may fail, and ends
 * the call then. */
static struct script_run *calling_run(JSContextRef ctx, size_t argc, const JSValueRef argv[])
{
    struct script_vm *vm = entry_vm();
    outbox_drain(vm);
    struct script_run *r = script_vm_find(vm, host_number(ctx, argc, argv, 0));
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
    r->vm->entry->failed = r->vm->entry->failed || threw;
    script_run_end(r, threw ? SCRIPT_THREW : SCRIPT_OK, copy, len);
    return JSValueMakeUndefined(ctx);
}

/* drain(): runs what promises have put off */
static JSValueRef drain(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    (void)exception;
    entry_drain();
    return JSValueMakeUndefined(ctx);
}

/* enter(handle, module): the function that comes is that module's, counted in the order of the route */
static JSValueRef enter(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    const double unit = host_number(ctx, argc, argv, 1);
    if (r == NULL || !(unit >= 0 && unit < (double)r->program->unit_count))
        return JSValueMakeUndefined(ctx);
    r->unit = &r->program->units[(size_t)unit];
    entry_enter(r->vm->entry, r->unit);
    return JSValueMakeUndefined(ctx);
}

/* load(module): its top-level code comes, or goes on; counted in the order of the route */
static JSValueRef load(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    struct entry *e = entry_vm()->entry;
    const double unit = host_number(ctx, argc, argv, 0);
    if (e->program != NULL && unit >= 0 && unit < (double)e->program->unit_count)
        entry_load(e, &e->program->units[(size_t)unit]);
    return JSValueMakeUndefined(ctx);
}

/* Whose line it is: the module that is named, else the one that runs. */
static struct unit *writer(const struct entry *e, struct str module)
{
    if (e->program == NULL)
        return NULL;
    return script_program_unit(e->program, module.len > 0 ? module : e->place.module);
}

static void write_line(const struct script_vm *vm, JSContextRef ctx, enum log_level level,
                       struct str module, JSValueRef value)
{
    const struct entry *e = vm->entry;
    struct unit *unit = writer(e, module);
    if (unit != NULL && !unit_may_log(unit, loop_now_ms(vm->loop)))
        return;
    struct script_place from = e->place;
    if (module.len > 0)
        from.module = module;
    size_t len = 0;
    char *text = jsvalue_copy(ctx, value, &len);
    if (text != NULL)
        vm->host.log(vm->host.user, level, &from, (struct str){text, len});
    free(text);
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
    char *module = jsvalue_copy(ctx, argv[1], &module_len);
    if (module != NULL && level >= LOG_DEBUG && level <= LOG_ERROR)
        write_line(vm, ctx, (enum log_level)level, (struct str){module, module_len}, argv[2]);
    free(module);
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_call_functions[] = {
    {"install", install}, {"outbox", outbox},   {"tick", tick},   {"drain", drain},
    {"alive", alive},     {"calling", calling}, {"enter", enter}, {"load", load},
    {"done", done},       {"log", log_line},    {NULL, NULL},
};
