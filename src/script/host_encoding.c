/* Base64 and hexadecimal for dgate/crypto, Buffer, atob() and btoa(). */
#include "script/host_encoding.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "script/host_groups.h"
#include "script/jsbytes.h"
#include "script/jsvalue.h"

enum { TEXT_MAX = 256 * 1024 * 1024 };

static bool add_hex(struct buf *b, struct str s)
{
    char *to = s.len <= SIZE_MAX / 4 ? buf_reserve(b, s.len * 2) : NULL;
    if (to == NULL)
        return false;
    (void)hex_encode(to, s);
    buf_added(b, s.len * 2);
    return true;
}

static bool add_encoded(struct buf *b, struct str s, enum host_encoding form)
{
    switch (form) {
    case HOST_ENCODING_HEX:
        return add_hex(b, s);
    case HOST_ENCODING_BASE64_RAW:
        return base64_encode_as(b, s, BASE64_RAW);
    case HOST_ENCODING_BASE64_URL:
        return base64_encode_as(b, s, BASE64_URL);
    case HOST_ENCODING_BASE64_RAW_URL:
        return base64_encode_as(b, s, BASE64_URL | BASE64_RAW);
    case HOST_ENCODING_BASE64:
    case HOST_ENCODING_BYTES:
        break;
    }
    return base64_encode_as(b, s, BASE64_STANDARD);
}

JSValueRef host_encoding_value(JSContextRef ctx, struct str s, enum host_encoding form,
                               JSValueRef *exception)
{
    if (form == HOST_ENCODING_BYTES)
        return jsvalue_array_buffer(ctx, s, exception);
    struct buf b;
    buf_init(&b, TEXT_MAX);
    const JSValueRef v = add_encoded(&b, s, form)
                             ? jsvalue_text(ctx, buf_str(&b))
                             : jsvalue_throw(ctx, exception, "the text is too long");
    buf_finish(&b);
    return v;
}

/* encodeBytes(data, encoding) */
static JSValueRef encode_bytes(JSContextRef ctx, JSObjectRef function, JSObjectRef this,
                               size_t argc, const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct jsbytes data;
    if (!jsbytes_open(&data, ctx, host_argument(ctx, argc, argv, 0)))
        return jsvalue_throw(ctx, exception, "bytes are expected");
    const enum host_encoding form = (enum host_encoding)host_number(ctx, argc, argv, 1);
    const JSValueRef v = host_encoding_value(ctx, data.s, form, exception);
    jsbytes_close(&data);
    return v;
}

static bool decode_hex(struct buf *b, struct str s)
{
    char *to = buf_reserve(b, s.len / 2);
    if (to == NULL || !hex_decode(to, s))
        return false;
    buf_added(b, s.len / 2);
    return true;
}

static bool decode(struct buf *b, struct str s, enum host_encoding form)
{
    if (form == HOST_ENCODING_HEX)
        return decode_hex(b, s);
    if (form == HOST_ENCODING_BASE64_RAW_URL)
        return base64_decode_url(b, s);
    return base64_decode_forgiving(b, s, form != HOST_ENCODING_BASE64);
}

/* What takes the decoded bytes to a value; NULL when they have none. */
typedef JSValueRef (*convert_fn)(JSContextRef ctx, struct str s, JSValueRef *exception);

/* (text, encoding): undefined when the text is not in it. */
static JSValueRef decoded(JSContextRef ctx, size_t argc, const JSValueRef argv[],
                          JSValueRef *exception, convert_fn convert)
{
    struct jsbytes text;
    if (!jsbytes_open(&text, ctx, host_argument(ctx, argc, argv, 0)))
        return jsvalue_throw(ctx, exception, "text is expected");
    struct buf b;
    buf_init(&b, TEXT_MAX);
    const enum host_encoding form = (enum host_encoding)host_number(ctx, argc, argv, 1);
    const JSValueRef v = decode(&b, text.s, form) ? convert(ctx, buf_str(&b), exception) : NULL;
    buf_finish(&b);
    jsbytes_close(&text);
    return v != NULL ? v : JSValueMakeUndefined(ctx);
}

/* decodeBytes(text, encoding) */
static JSValueRef decode_bytes(JSContextRef ctx, JSObjectRef function, JSObjectRef this,
                               size_t argc, const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    return decoded(ctx, argc, argv, exception, jsvalue_array_buffer);
}

static JSValueRef as_text(JSContextRef ctx, struct str s, JSValueRef *exception)
{
    (void)exception;
    return jsvalue_decode(ctx, s, true);
}

/* decodeText(text, encoding): undefined, too, when the bytes are not UTF-8 */
static JSValueRef decode_text(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    return decoded(ctx, argc, argv, exception, as_text);
}

/* atob(text): a string of one character for each byte; undefined when the text is not base64 */
static JSValueRef from_base64(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                              const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct jsbytes text;
    if (!jsbytes_open(&text, ctx, host_argument(ctx, argc, argv, 0)))
        return jsvalue_throw(ctx, exception, "text is expected");
    struct buf b;
    buf_init(&b, TEXT_MAX);
    const JSValueRef v = base64_decode_forgiving(&b, text.s, false)
                             ? jsvalue_latin1(ctx, buf_str(&b))
                             : JSValueMakeUndefined(ctx);
    buf_finish(&b);
    jsbytes_close(&text);
    return v;
}

/* The bytes of a string whose characters are one each; NULL when they are not. The caller frees it. */
static char *binary_bytes(JSStringRef string, size_t *len)
{
    const JSChar *chars = JSStringGetCharactersPtr(string);
    *len = JSStringGetLength(string);
    char *bytes = mem_alloc(*len + 1);
    for (size_t i = 0; i < *len; i++) {
        if (chars[i] > 0xFF) {
            free(bytes);
            return NULL;
        }
        bytes[i] = (char)(unsigned char)chars[i];
    }
    return bytes;
}

/* btoa(text): undefined when a character is above U+00FF */
static JSValueRef to_base64(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                            const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    JSStringRef string = JSValueToStringCopy(ctx, host_argument(ctx, argc, argv, 0), exception);
    if (string == NULL)
        return JSValueMakeUndefined(ctx);
    struct str s = {NULL, 0};
    char *bytes = binary_bytes(string, &s.len);
    s.p = bytes;
    JSStringRelease(string);
    const JSValueRef v = bytes != NULL
                             ? host_encoding_value(ctx, s, HOST_ENCODING_BASE64, exception)
                             : JSValueMakeUndefined(ctx);
    free(bytes);
    return v;
}

const struct host_function host_encoding_functions[] = {
    {"encodeBytes", encode_bytes}, {"decodeBytes", decode_bytes}, {"decodeText", decode_text},
    {"atob", from_base64},         {"btoa", to_base64},           {NULL, NULL},
};
