#include "script/jsvalue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { ON_STACK = 1024, REPLACEMENT = 0xFFFD, MESSAGE_MAX = 512 };

static JSChar *put_code_point(JSChar *out, uint32_t c)
{
    if (c < 0x10000) {
        *out++ = (JSChar)c;
        return out;
    }
    c -= 0x10000;
    *out++ = (JSChar)(0xD800 | (c >> 10));
    *out++ = (JSChar)(0xDC00 | (c & 0x3FF));
    return out;
}

static uint32_t decode_one(const char *p, size_t len)
{
    static const uint8_t first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = (uint8_t)p[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        c = (c << 6) | ((uint8_t)p[i] & 0x3F);
    return c;
}

/* Bytes that one U+FFFD stands for (Encoding standard: a maximal beginning of a character). */
static size_t broken_length(struct str s)
{
    const uint8_t first = (uint8_t)s.p[0];
    const size_t want = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || s.len < 2)
        return 1;
    const uint8_t second = (uint8_t)s.p[1];
    const uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (second < low || second > high)
        return 1;
    size_t n = 2;
    while (n < want && n < s.len && ((uint8_t)s.p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* UTF-16 of s; *bad tells whether something was replaced. */
static JSStringRef decode(struct str s, bool *bad)
{
    JSChar *chars = mem_calloc(s.len + 1, sizeof(*chars));
    JSChar *out = chars;
    *bad = false;
    for (size_t i = 0; i < s.len;) {
        const struct str rest = str_skip(s, i);
        const size_t n = utf8_length(rest);
        out = put_code_point(out, n > 0 ? decode_one(rest.p, n) : REPLACEMENT);
        *bad = *bad || n == 0;
        i += n > 0 ? n : broken_length(rest);
    }
    JSStringRef string = JSStringCreateWithCharacters(chars, (size_t)(out - chars));
    free(chars);
    return string;
}

static JSStringRef latin1(struct str s)
{
    JSChar *chars = mem_calloc(s.len + 1, sizeof(*chars));
    for (size_t i = 0; i < s.len; i++)
        chars[i] = (uint8_t)s.p[i];
    JSStringRef string = JSStringCreateWithCharacters(chars, s.len);
    free(chars);
    return string;
}

/* The engine's own conversion, the fastest: NULL when s has a NUL or is not UTF-8. */
static JSStringRef from_utf8(struct str s)
{
    if (s.len > 0 && memchr(s.p, 0, s.len) != NULL)
        return NULL;
    char small[ON_STACK];
    char *copy = s.len < sizeof(small) ? small : mem_alloc(s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    JSStringRef string = JSStringCreateWithUTF8CString(copy);
    if (copy != small)
        free(copy);
    if (s.len == 0 || JSStringGetLength(string) > 0)
        return string;
    JSStringRelease(string); /* it is empty when the bytes are not UTF-8 */
    return NULL;
}

JSStringRef jsvalue_string(struct str s)
{
    JSStringRef string = from_utf8(s);
    if (string != NULL)
        return string;
    bool bad = false;
    string = decode(s, &bad);
    if (!bad)
        return string;
    JSStringRelease(string);
    return latin1(s);
}

static JSValueRef take_string(JSContextRef ctx, JSStringRef string)
{
    const JSValueRef v = JSValueMakeString(ctx, string);
    JSStringRelease(string);
    return v;
}

JSValueRef jsvalue_text(JSContextRef ctx, struct str s)
{
    return take_string(ctx, jsvalue_string(s));
}

JSValueRef jsvalue_decode(JSContextRef ctx, struct str s, bool fatal)
{
    bool bad = false;
    JSStringRef string = from_utf8(s);
    if (string == NULL)
        string = decode(s, &bad);
    if (!bad || !fatal)
        return take_string(ctx, string);
    JSStringRelease(string);
    return NULL;
}

bool jsvalue_add_text(JSContextRef ctx, JSValueRef v, struct buf *b, JSValueRef *exception)
{
    JSStringRef string = JSValueToStringCopy(ctx, v, exception);
    if (string == NULL)
        return false;
    /* The maximum counts three bytes for each character and one for a NUL. */
    const size_t max = JSStringGetMaximumUTF8CStringSize(string);
    bool fits = true;
    if (max <= buf_room(b)) {
        char *p = buf_reserve(b, max);
        fits = p != NULL;
        if (fits)
            buf_added(b, JSStringGetUTF8CString(string, p, max) - 1);
    } else {
        char *copy = mem_alloc(max);
        const size_t len = JSStringGetUTF8CString(string, copy, max);
        fits = buf_add(b, (struct str){copy, len > 0 ? len - 1 : 0});
        free(copy);
    }
    JSStringRelease(string);
    return fits;
}

char *jsvalue_copy(JSContextRef ctx, JSValueRef v, size_t *ret_len)
{
    JSStringRef string = JSValueToStringCopy(ctx, v, NULL);
    if (string == NULL)
        return NULL;
    const size_t max = JSStringGetMaximumUTF8CStringSize(string);
    char *copy = mem_alloc(max);
    const size_t len = JSStringGetUTF8CString(string, copy, max);
    JSStringRelease(string);
    *ret_len = len > 0 ? len - 1 : 0;
    return copy;
}

bool jsvalue_bytes(JSContextRef ctx, JSValueRef v, struct str *ret)
{
    const JSTypedArrayType type = JSValueGetTypedArrayType(ctx, v, NULL);
    if (type == kJSTypedArrayTypeNone)
        return false;
    JSObjectRef object = JSValueToObject(ctx, v, NULL);
    if (object == NULL)
        return false;
    if (type == kJSTypedArrayTypeArrayBuffer) {
        ret->p = JSObjectGetArrayBufferBytesPtr(ctx, object, NULL);
        ret->len = JSObjectGetArrayBufferByteLength(ctx, object, NULL);
        return true;
    }
    /* Not JSObjectGetTypedArrayBytesPtr(): it is the start of the buffer, not of the view. */
    JSObjectRef buffer = JSObjectGetTypedArrayBuffer(ctx, object, NULL);
    const char *start = buffer != NULL ? JSObjectGetArrayBufferBytesPtr(ctx, buffer, NULL) : NULL;
    if (start == NULL) {
        *ret = (struct str){NULL, 0};
        return true;
    }
    ret->p = start + JSObjectGetTypedArrayByteOffset(ctx, object, NULL);
    ret->len = JSObjectGetTypedArrayByteLength(ctx, object, NULL);
    return true;
}

bool jsvalue_add_data(JSContextRef ctx, JSValueRef v, struct buf *b)
{
    struct str bytes = {NULL, 0};
    if (!JSValueIsString(ctx, v) && jsvalue_bytes(ctx, v, &bytes))
        return buf_add(b, bytes);
    return jsvalue_add_text(ctx, v, b, NULL);
}

static void free_bytes(void *bytes, void *user)
{
    (void)user;
    free(bytes);
}

JSValueRef jsvalue_array_buffer(JSContextRef ctx, struct str s, JSValueRef *exception)
{
    char *copy = mem_dup(s.p, s.len);
    JSObjectRef buffer =
        JSObjectMakeArrayBufferWithBytesNoCopy(ctx, copy, s.len, free_bytes, NULL, exception);
    return buffer != NULL ? buffer : JSValueMakeUndefined(ctx);
}

JSValueRef jsvalue_throw(JSContextRef ctx, JSValueRef *exception, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const JSValueRef message = jsvalue_text(ctx, str_of(text));
    *exception = JSObjectMakeError(ctx, 1, &message, NULL);
    return JSValueMakeUndefined(ctx);
}
