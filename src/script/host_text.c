/* UTF-8 for TextEncoder, TextDecoder and bodies of fetch(). */
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

const struct host_function host_text_functions[] = {
    {"encode", encode}, {"decode", decode}, {NULL, NULL}};
