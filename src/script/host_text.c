/* Text for TextEncoder, TextDecoder and bodies; looking for bytes; the clock of performance.now(); the texts of process. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
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
    const bool fatal = host_flag(ctx, argc, argv, 1);
    const JSValueRef v = jsvalue_decode(ctx, bytes, fatal);
    return v != NULL ? v : JSValueMakeUndefined(ctx);
}

/* js/runtime/host.ts: enum Charset. */
enum charset { CHARSET_UTF16LE, CHARSET_UTF16BE, CHARSET_WINDOWS1252 };

enum { REPLACEMENT = 0xFFFD };

static JSChar unit_at(struct str s, size_t i, enum charset charset)
{
    static const uint16_t windows1252[32] = {
        0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
    };
    const uint8_t *p = (const uint8_t *)s.p;
    if (charset == CHARSET_WINDOWS1252)
        return p[i] >= 0x80 && p[i] < 0xA0 ? windows1252[p[i] - 0x80] : p[i];
    const uint8_t first = p[2 * i];
    const uint8_t second = p[(2 * i) + 1];
    return (JSChar)(charset == CHARSET_UTF16LE ? first | second << 8 : first << 8 | second);
}

/* Replaces the surrogates that are not in pairs; whether there were any. */
static bool replace_lone(JSChar *chars, size_t len)
{
    bool found = false;
    for (size_t i = 0; i < len; i++) {
        if (chars[i] < 0xD800 || chars[i] > 0xDFFF)
            continue;
        if (chars[i] < 0xDC00 && i + 1 < len && chars[i + 1] >= 0xDC00 && chars[i + 1] < 0xE000) {
            i++;
            continue;
        }
        chars[i] = REPLACEMENT;
        found = true;
    }
    return found;
}

/* decodeAs(bytes, charset, fatal): undefined when fatal and something is not text */
static JSValueRef decode_as(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                            const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct str bytes = {NULL, 0};
    if (!jsvalue_bytes(ctx, host_argument(ctx, argc, argv, 0), &bytes))
        return jsvalue_throw(ctx, exception, "bytes are expected");
    const enum charset charset = (enum charset)host_number(ctx, argc, argv, 1);
    const size_t width = charset == CHARSET_WINDOWS1252 ? 1 : 2;
    size_t len = bytes.len / width;
    JSChar *chars = mem_calloc(len + 1, sizeof(*chars));
    for (size_t i = 0; i < len; i++)
        chars[i] = unit_at(bytes, i, charset);
    bool bad = width == 2 && replace_lone(chars, len);
    if (bytes.len % width != 0) {
        chars[len++] = REPLACEMENT;
        bad = true;
    }
    JSValueRef v = JSValueMakeUndefined(ctx);
    if (!bad || !host_flag(ctx, argc, argv, 2)) {
        JSStringRef string = JSStringCreateWithCharacters(chars, len);
        v = JSValueMakeString(ctx, string);
        JSStringRelease(string);
    }
    free(chars);
    return v;
}

/* findBytes(bytes, wanted, from): the index, or -1 */
static JSValueRef find_bytes(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                             const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct str all = {NULL, 0};
    struct str wanted = {NULL, 0};
    if (!jsvalue_bytes(ctx, host_argument(ctx, argc, argv, 0), &all) ||
        !jsvalue_bytes(ctx, host_argument(ctx, argc, argv, 1), &wanted))
        return jsvalue_throw(ctx, exception, "bytes are expected");
    const double from = host_number(ctx, argc, argv, 2);
    if (!(from >= 0 && from <= (double)all.len) || all.len == 0)
        return JSValueMakeNumber(ctx, -1);
    const struct str rest = str_skip(all, (size_t)from);
    const char *found = memmem(rest.p, rest.len, wanted.p, wanted.len);
    return JSValueMakeNumber(ctx, found != NULL ? (double)(found - all.p) : -1);
}

/* now(): milliseconds of a clock that only goes forward */
static JSValueRef now(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                      const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    (void)exception;
    return JSValueMakeNumber(ctx, script_clock_mono_ms(&entry_vm()->clock));
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
    {"encode", encode},
    {"decode", decode},
    {"decodeAs", decode_as},
    {"findBytes", find_bytes},
    {"now", now},
    {"environment", environment},
    {NULL, NULL},
};
