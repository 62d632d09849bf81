/* Between bytes and JavaScript values. A JSValueRef is only safe on the C stack or protected. */
#ifndef SCRIPT_JSVALUE_H
#define SCRIPT_JSVALUE_H

#include <JavaScriptCore/JavaScript.h>

#include "base/arena.h"
#include "base/buf.h"

/* A new string from UTF-8; if s is not UTF-8, each byte is one character (as in old header fields). The caller
 * releases it. Never NULL. */
JSStringRef jsvalue_string(struct str s);

/* The same as a value. */
JSValueRef jsvalue_text(JSContextRef ctx, struct str s);

/* A value from text that should be UTF-8: what is not becomes U+FFFD, or the result is NULL if fatal. */
JSValueRef jsvalue_decode(JSContextRef ctx, struct str s, bool fatal);

/* The value as a number. Cheap when it is one. */
double jsvalue_number(JSContextRef ctx, JSValueRef v);

/* The number as a value. The engine is not asked for small ones, whose values are the same in all contexts. */
JSValueRef jsvalue_uint(JSContextRef ctx, uint32_t n);

/* A value whose characters are the bytes of s, U+0000 to U+00FF. */
JSValueRef jsvalue_latin1(JSContextRef ctx, struct str s);

/* Appends the value's string in UTF-8. False past b's maximum, or when it has no string (*exception). */
bool jsvalue_add_text(JSContextRef ctx, JSValueRef v, struct buf *b, JSValueRef *exception)
    __attribute__((warn_unused_result));

/* Strings are written as UTF-8; a surrogate alone becomes U+FFFD. */

/* The value's string in UTF-8, NUL-terminated; the caller frees it. NULL when it has none. */
char *jsvalue_copy(JSContextRef ctx, JSValueRef v, size_t *ret_len);

/* Writes the value's string in UTF-8 and a NUL to out: *ret is it. False when it needs more than size bytes. */
bool jsvalue_into(JSContextRef ctx, JSValueRef v, char *out, size_t size, struct str *ret)
    __attribute__((warn_unused_result));

/* Copies a string's UTF-8, or an ArrayBuffer's or view's bytes, into a. False past max or the arena's limit. */
bool jsvalue_take(JSContextRef ctx, JSValueRef v, struct arena *a, size_t max, struct str *ret)
    __attribute__((warn_unused_result));

/* Copies a string into a as header fields have it: one byte for each character, or UTF-8 if one is above U+00FF. False
 * past max or the arena's limit. */
bool jsvalue_take_field(JSContextRef ctx, JSValueRef v, struct arena *a, size_t max,
                        struct str *ret) __attribute__((warn_unused_result));

/* The bytes of an ArrayBuffer or a view of one: *ret points into it, valid while nothing runs. False if v is neither. */
bool jsvalue_bytes(JSContextRef ctx, JSValueRef v, struct str *ret)
    __attribute__((warn_unused_result));

/* Appends a string's UTF-8, or an ArrayBuffer's or view's bytes. False past b's maximum, or when it has no string
 * (*exception). */
bool jsvalue_add_data(JSContextRef ctx, JSValueRef v, struct buf *b, JSValueRef *exception)
    __attribute__((warn_unused_result));

/* A new ArrayBuffer with a copy of s. */
JSValueRef jsvalue_array_buffer(JSContextRef ctx, struct str s, JSValueRef *exception);

/* Sets *exception to a new Error and returns undefined. */
JSValueRef jsvalue_throw(JSContextRef ctx, JSValueRef *exception, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
