/* UTF-8 for TextEncoder, TextDecoder and bodies of fetch(); the texts of process. */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "script/entry.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"

enum { TEXT_MAX = 256 * 1024 * 1024 };

/* encode(text) */
static JSValueRef encode(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct buf b;
    buf_init(&b, TEXT_MAX);
    const bool fits = jsvalue_add_text(ctx, host_argument(ctx, argc, argv, 0), &b, exception);
    const JSValueRef v = fits ? jsvalue_array_buffer(ctx, buf_str(&b), exception)
                              : jsvalue_throw(ctx, exception, "the text is too long");
    buf_finish(&b);
    return v;
}

/* decode(bytes, fatal) */
static JSValueRef decode(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct str bytes = {NULL, 0};
    if (!jsvalue_bytes(ctx, host_argument(ctx, argc, argv, 0), &bytes))
        return jsvalue_throw(ctx, exception, "bytes are expected");
    const bool fatal = JSValueToBoolean(ctx, host_argument(ctx, argc, argv, 1));
    const JSValueRef v = jsvalue_decode(ctx, bytes, fatal);
    return v != NULL ? v : JSValueMakeUndefined(ctx);
}

static void append(JSContextRef ctx, JSObjectRef list, unsigned *n, const char *text)
{
    JSObjectSetPropertyAtIndex(ctx, list, (*n)++, jsvalue_text(ctx, str_of(text)), NULL);
}

/* environment(): [host name, name, value, ...] of the variables that are allowed and set */
static JSValueRef environment(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    const struct model_strings *names = entry_vm()->host.environment;
    char host[HOST_NAME_MAX + 1] = "";
    JSObjectRef list = JSObjectMakeArray(ctx, 0, NULL, exception);
    unsigned n = 0;
    if (list == NULL)
        return JSValueMakeUndefined(ctx);
    (void)gethostname(host, sizeof(host) - 1);
    append(ctx, list, &n, host);
    for (size_t i = 0; names != NULL && i < names->n; i++) {
        const char *value = getenv(names->v[i]);
        if (value == NULL)
            continue;
        append(ctx, list, &n, names->v[i]);
        append(ctx, list, &n, value);
    }
    return list;
}

const struct host_function host_text_functions[] = {
    {"encode", encode}, {"decode", decode}, {"environment", environment}, {NULL, NULL}};
