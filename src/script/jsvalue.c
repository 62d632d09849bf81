#include "script/jsvalue.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { ON_STACK = 1024, REPLACEMENT = 0xFFFD, MESSAGE_MAX = 512, SMALL_NUMBERS = 256 };

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

static uint64_t bits_of(double number)
{
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

/* The engine's own conversion takes its lock. A number is its own JSValueRef, so one that gives the same is it. */
double jsvalue_number(JSContextRef ctx, JSValueRef v)
{
    const int32_t integer = (int32_t)(uint32_t)(uintptr_t)v;
    if (JSValueMakeNumber(ctx, integer) == v)
        return integer;
    const uint64_t shift = (uint64_t)(uintptr_t)JSValueMakeNumber(ctx, 0.5) - bits_of(0.5);
    const uint64_t bits = (uint64_t)(uintptr_t)v - shift;
    double number = 0;
    memcpy(&number, &bits, sizeof(number));
    return JSValueMakeNumber(ctx, number) == v ? number : JSValueToNumber(ctx, v, NULL);
}

JSValueRef jsvalue_uint(JSContextRef ctx, uint32_t n)
{
    static JSValueRef small[SMALL_NUMBERS];
    if (n >= SMALL_NUMBERS)
        return JSValueMakeNumber(ctx, n);
    if (small[n] == NULL)
        small[n] = JSValueMakeNumber(ctx, n);
    return small[n];
}

JSValueRef jsvalue_latin1(JSContextRef ctx, struct str s)
{
    /* ASCII has the same bytes in UTF-8, and a string of one byte per character is made of it. */
    JSStringRef string = utf8_is_ascii(s) ? from_utf8(s) : NULL;
    return take_string(ctx, string != NULL ? string : latin1(s));
}

/* A value's string while its characters are read. */
struct text {
    JSStringRef string;
    const JSChar *chars;
    size_t len;
    size_t size; /* bytes that it takes: as many as characters, or those of UTF-8 */
};

/* Four characters at once; ASCII: no bit of x but the low seven of each. */
enum { LANE = 4 };
static const uint64_t NOT_ASCII = 0xFF80FF80FF80FF80U;
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "narrow() packs little-endian lanes");

static size_t ascii_length(const JSChar *chars, size_t len)
{
    size_t i = 0;
    for (; i + LANE <= len; i += LANE) {
        uint64_t x = 0;
        memcpy(&x, chars + i, sizeof(x));
        if ((x & NOT_ASCII) != 0)
            break;
    }
    while (i < len && chars[i] < 0x80)
        i++;
    return i;
}

static void narrow(const JSChar *chars, size_t len, char *out)
{
    size_t i = 0;
    for (; i + LANE <= len; i += LANE) {
        uint64_t x = 0;
        memcpy(&x, chars + i, sizeof(x));
        x = (x | (x >> 8)) & 0x0000FFFF0000FFFFU;
        const uint32_t packed = (uint32_t)(x | (x >> 16));
        memcpy(out + i, &packed, sizeof(packed));
    }
    for (; i < len; i++)
        out[i] = (char)chars[i];
}

/* The code point at chars[*i], which moves past it. A surrogate alone is U+FFFD. */
static uint32_t next_code_point(const JSChar *chars, size_t len, size_t *i)
{
    const uint32_t c = chars[(*i)++];
    if (c < 0xD800 || c > 0xDFFF)
        return c;
    if (c > 0xDBFF || *i == len || chars[*i] < 0xDC00 || chars[*i] > 0xDFFF)
        return REPLACEMENT;
    return 0x10000 + ((c - 0xD800) << 10) + (chars[(*i)++] - 0xDC00U);
}

static size_t utf8_size(const JSChar *chars, size_t len)
{
    size_t i = ascii_length(chars, len);
    size_t size = i;
    while (i < len) {
        const uint32_t c = next_code_point(chars, len, &i);
        size += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    return size;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | (c >> 6));
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xE0 | (c >> 12));
        } else {
            *out++ = (char)(0xF0 | (c >> 18));
            *out++ = (char)(0x80 | ((c >> 12) & 0x3F));
        }
        *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

static bool open_text(struct text *t, JSContextRef ctx, JSValueRef v, JSValueRef *exception)
{
    t->string = JSValueToStringCopy(ctx, v, exception);
    if (t->string == NULL)
        return false;
    t->chars = JSStringGetCharactersPtr(t->string);
    t->len = JSStringGetLength(t->string);
    t->size = utf8_size(t->chars, t->len);
    return true;
}

static void close_text(struct text *t)
{
    JSStringRelease(t->string);
}

/* Writes t->size bytes: UTF-8, unless each character is one. */
static void write_text(const struct text *t, char *out)
{
    if (t->size == t->len) {
        narrow(t->chars, t->len, out);
        return;
    }
    for (size_t i = 0; i < t->len;)
        out = put_utf8(out, next_code_point(t->chars, t->len, &i));
}

bool jsvalue_add_text(JSContextRef ctx, JSValueRef v, struct buf *b, JSValueRef *exception)
{
    struct text t;
    if (!open_text(&t, ctx, v, exception))
        return false;
    char *p = buf_reserve(b, t.size);
    if (p != NULL) {
        write_text(&t, p);
        buf_added(b, t.size);
    }
    close_text(&t);
    return p != NULL;
}

bool jsvalue_into(JSContextRef ctx, JSValueRef v, char *out, size_t size, struct str *ret)
{
    struct text t;
    if (!open_text(&t, ctx, v, NULL))
        return false;
    const bool fits = t.size < size;
    if (fits) {
        write_text(&t, out);
        out[t.size] = '\0';
        *ret = (struct str){out, t.size};
    }
    close_text(&t);
    return fits;
}

char *jsvalue_copy(JSContextRef ctx, JSValueRef v, size_t *ret_len)
{
    struct text t;
    if (!open_text(&t, ctx, v, NULL))
        return NULL;
    char *copy = mem_alloc(t.size + 1);
    write_text(&t, copy);
    *ret_len = t.size;
    close_text(&t);
    return copy;
}

static bool take_bytes(const struct text *t, struct arena *a, size_t max, struct str *ret)
{
    char *p = t->size <= max ? arena_alloc(a, t->size + 1) : NULL;
    if (p == NULL)
        return false;
    write_text(t, p);
    *ret = (struct str){p, t->size};
    return true;
}

static bool take_text(JSContextRef ctx, JSValueRef v, struct arena *a, size_t max, struct str *ret)
{
    struct text t;
    if (!open_text(&t, ctx, v, NULL))
        return false;
    const bool fits = take_bytes(&t, a, max, ret);
    close_text(&t);
    return fits;
}

static bool is_latin1(const struct text *t)
{
    for (size_t i = 0; i < t->len; i++)
        if (t->chars[i] > 0xFF)
            return false;
    return true;
}

bool jsvalue_take_field(JSContextRef ctx, JSValueRef v, struct arena *a, size_t max,
                        struct str *ret)
{
    struct text t;
    if (!open_text(&t, ctx, v, NULL))
        return false;
    if (t.size > t.len && is_latin1(&t))
        t.size = t.len;
    const bool fits = take_bytes(&t, a, max, ret);
    close_text(&t);
    return fits;
}

bool jsvalue_take(JSContextRef ctx, JSValueRef v, struct arena *a, size_t max, struct str *ret)
{
    struct str bytes = {NULL, 0};
    if (!JSValueIsString(ctx, v) && jsvalue_bytes(ctx, v, &bytes))
        return bytes.len <= max && arena_copy(a, bytes, ret);
    return take_text(ctx, v, a, max, ret);
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

bool jsvalue_add_data(JSContextRef ctx, JSValueRef v, struct buf *b, JSValueRef *exception)
{
    struct str bytes = {NULL, 0};
    if (!JSValueIsString(ctx, v) && jsvalue_bytes(ctx, v, &bytes))
        return buf_add(b, bytes);
    return jsvalue_add_text(ctx, v, b, exception);
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
