#include <stdlib.h>

#include "script/entry.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"

enum { VALUE_MAX = 16 * 1024 * 1024 };

static struct str own_namespace(const struct script_vm *vm)
{
    return str_of(vm->entry->realm->ns);
}

/* cacheGet(key): the value's text, or undefined. */
static JSValueRef cache_get(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                            const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_vm *vm = entry_vm();
    if (vm->host.cache_get == NULL)
        return jsvalue_throw(ctx, exception, "there is no cache here");
    struct str key = {0};
    char *text = jsvalue_copy(ctx, host_argument(ctx, argc, argv, 0), &key.len);
    key.p = text;
    struct buf value;
    buf_init(&value, VALUE_MAX);
    const bool found = vm->host.cache_get(vm->host.user, own_namespace(vm), key, &value);
    JSValueRef result = found ? jsvalue_text(ctx, buf_str(&value)) : JSValueMakeUndefined(ctx);
    buf_finish(&value);
    free(text);
    return result;
}

/* cacheSet(key, text, ttl) */
static JSValueRef cache_set(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                            const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_vm *vm = entry_vm();
    if (vm->host.cache_set == NULL)
        return jsvalue_throw(ctx, exception, "there is no cache here");
    struct str key = {0};
    struct str value = {0};
    char *text = jsvalue_copy(ctx, host_argument(ctx, argc, argv, 0), &key.len);
    char *bytes = jsvalue_copy(ctx, host_argument(ctx, argc, argv, 1), &value.len);
    key.p = text;
    value.p = bytes;
    struct err e = {0};
    JSValueRef result = JSValueMakeUndefined(ctx);
    if (!vm->host.cache_set(vm->host.user, own_namespace(vm), key, value,
                            host_number(ctx, argc, argv, 2), &e))
        result = jsvalue_throw(ctx, exception, "%s", e.msg);
    free(bytes);
    free(text);
    return result;
}

/* cacheDelete(key): whether it was there. */
static JSValueRef cache_delete(JSContextRef ctx, JSObjectRef function, JSObjectRef this,
                               size_t argc, const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_vm *vm = entry_vm();
    if (vm->host.cache_delete == NULL)
        return jsvalue_throw(ctx, exception, "there is no cache here");
    struct str key = {0};
    char *text = jsvalue_copy(ctx, host_argument(ctx, argc, argv, 0), &key.len);
    key.p = text;
    const bool found = vm->host.cache_delete(vm->host.user, own_namespace(vm), key);
    free(text);
    return JSValueMakeBoolean(ctx, found);
}

const struct host_function host_cache_functions[] = {
    {"cacheGet", cache_get}, {"cacheSet", cache_set}, {"cacheDelete", cache_delete}, {NULL, NULL}};
