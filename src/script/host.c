#include "script/host.h"

#include "base/container.h"
#include "script/entry.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/outbox.h"
#include "script/script_vm.h"

static const struct host_function *const GROUPS[] = {
    host_call_functions,  host_message_functions, host_fields_functions,   host_body_functions,
    host_timer_functions, host_state_functions,   host_cache_functions,    host_fetch_functions,
    host_text_functions,  host_crypto_functions,  host_encoding_functions, host_subtle_functions,
    host_flow_functions,  host_stream_functions,
};

JSObjectRef host_object(JSContextRef ctx)
{
    JSObjectRef object = JSObjectMake(ctx, NULL, NULL);
    for (size_t g = 0; g < ARRAY_LEN(GROUPS); g++) {
        for (const struct host_function *f = GROUPS[g]; f->name != NULL; f++) {
            JSStringRef name = JSStringCreateWithUTF8CString(f->name);
            JSObjectRef function = JSObjectMakeFunctionWithCallback(ctx, name, f->call);
            JSObjectSetProperty(ctx, object, name, function, kJSPropertyAttributeReadOnly, NULL);
            JSStringRelease(name);
        }
    }
    return object;
}

JSValueRef host_argument(JSContextRef ctx, size_t argc, const JSValueRef argv[], size_t i)
{
    return i < argc ? argv[i] : JSValueMakeUndefined(ctx);
}

double host_number(JSContextRef ctx, size_t argc, const JSValueRef argv[], size_t i)
{
    return i < argc ? jsvalue_number(ctx, argv[i]) : 0;
}

bool host_flag(JSContextRef ctx, size_t argc, const JSValueRef argv[], size_t i)
{
    return i < argc && argv[i] == JSValueMakeBoolean(ctx, true);
}

struct script_run *host_run(JSContextRef ctx, size_t argc, const JSValueRef argv[],
                            JSValueRef *exception)
{
    struct script_vm *vm = entry_vm();
    if (vm->outbox->used > 0)
        outbox_drain(vm);
    struct script_run *r = script_vm_find(vm, host_number(ctx, argc, argv, 0));
    if (r == NULL)
        (void)jsvalue_throw(ctx, exception, "the request is over");
    return r;
}
