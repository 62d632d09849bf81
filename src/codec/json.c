/* Writing is ours rather than json_dump_callback(): it needs no recursion, and prints the shortest
 * decimal form that reads back as the same number (0.1, not 0.10000000000000001).
 */
#include "codec/json.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"

static void *allocate(size_t size)
{
    void *p = malloc(size > 0 ? size : 1);
    if (p == NULL)
        abort();
    return p;
}

void json_text_init(void)
{
    json_set_alloc_funcs(allocate, free);
}

/* jansson takes a NUL for the end of the text, whatever follows. */
static enum err_code refuse_nul(struct str text, struct err *e)
{
    int line = 1;
    size_t begin = 0;
    size_t nul = str_index(text, '\0', 0);
    if (nul == text.len)
        return ERR_OK;
    for (size_t lf = str_index(text, '\n', 0); lf < nul; lf = str_index(text, '\n', begin)) {
        begin = lf + 1;
        line++;
    }
    return err_set(e, ERR_INVALID, "line %d column %zu: a NUL byte", line, nul - begin + 1);
}

static json_t *load(struct str text, json_error_t *error)
{
    return json_loadb(text.len > 0 ? text.p : "", text.len,
                      JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, error);
}

/* Whether len digits, after which the text goes on, are an integer of JSON that jansson's type is too small for. */
static bool is_too_big(const char *digits, size_t len, bool negative)
{
    enum { ALWAYS_FITS = 18 };
    if (len <= ALWAYS_FITS || digits[0] == '0')
        return false;
    errno = 0;
    (void)strtoll(digits - (negative ? 1 : 0), NULL, 10);
    return errno == ERANGE;
}

/* Writes the double that is nearest to the digits over them, as 17 digits and an exponent of the same length, so that
 * errors tell the same places. What is beyond doubles stays. */
static void make_real(char *digits, size_t len)
{
    enum { SIGNIFICANT = 17, DECIMALS = SIGNIFICANT - 1 };
    char text[40];
    const double n = strtod(digits, NULL);
    if (!isfinite(n))
        return;
    const int written = snprintf(text, sizeof(text), "%.*e", DECIMALS, n);
    assert(written > DECIMALS && (size_t)written < sizeof(text));
    memcpy(digits + 1, text + 2, DECIMALS);
    digits[0] = text[0];
    digits[SIGNIFICANT] = 'e';
    long exponent = strtol(strchr(text, 'e') + 1, NULL, 10) - DECIMALS;
    for (size_t i = len - 1; i > SIGNIFICANT; i--, exponent /= 10)
        digits[i] = (char)('0' + exponent % 10);
}

/* Handles the number at p; returns the end of it. */
static char *skip_number(char *p)
{
    const bool negative = *p == '-';
    char *digits = p + (negative ? 1 : 0);
    const size_t len = strspn(digits, "0123456789");
    const size_t more = strspn(digits + len, "0123456789.eE+-");
    if (more == 0 && is_too_big(digits, len, negative))
        make_real(digits, len);
    return digits + len + more;
}

static char *skip_string(char *p)
{
    for (p++; *p != '\0' && *p != '"'; p++)
        if (*p == '\\' && p[1] != '\0')
            p++;
    return *p == '"' ? p + 1 : p;
}

static void make_reals(char *text)
{
    for (char *p = text; *p != '\0';) {
        if (*p == '"')
            p = skip_string(p);
        else if (*p == '-' || (*p >= '0' && *p <= '9'))
            p = skip_number(p);
        else
            p++;
    }
}

/* Integers of any size are JSON (RFC 8259 section 6). Those that do not fit jansson's are read as reals, and only when
 * there are some: it could read as reals all integers or none. */
static json_t *load_with_reals(struct str text, json_error_t *error)
{
    char *copy = mem_dup(text.p, text.len);
    make_reals(copy);
    json_t *value = load((struct str){copy, text.len}, error);
    free(copy);
    return value;
}

/* jansson's words, but where they are about its own flags. */
static const char *reason(const json_error_t *error)
{
    const enum json_error_code code = json_error_code(error);
    if (code == json_error_null_character || code == json_error_null_byte_in_key)
        return "a string has a NUL character";
    if (code == json_error_stack_overflow)
        return "nested too deep";
    return error->text;
}

json_t *json_text_parse(struct str text, struct err *e)
{
    if (refuse_nul(text, e) != ERR_OK)
        return NULL;
    json_error_t error;
    json_t *value = load(text, &error);
    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow)
        value = load_with_reals(text, &error);
    if (value == NULL)
        (void)err_set(e, ERR_INVALID, "line %d column %d: %s", error.line, error.column,
                      reason(&error));
    return value;
}

/* An array or object that is being written. */
struct level {
    json_t *value;
    size_t index; /* arrays: the next element */
    void *next;   /* objects: iterator of the next member */
    bool started; /* something was written before */
};

struct levels {
    VEC_OF(struct level);
};

/* jansson's iterators take no const, but change nothing. */
static json_t *without_const(const json_t *value)
{
    union {
        const json_t *given;
        json_t *same;
    } u = {.given = value};
    return u.same;
}

static bool write_integer(struct buf *b, json_int_t n)
{
    return buf_addf(b, "%" JSON_INTEGER_FORMAT, n);
}

static bool write_real(struct buf *b, double n)
{
    enum { SHORTEST = 15, EXACT = 17 };
    char text[40];
    int len = 0;
    for (int digits = SHORTEST; digits <= EXACT; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, n);
        assert(len > 0 && (size_t)len < sizeof(text) - 2);
        char *end;
        double back = strtod(text, &end);
        if (back <= n && back >= n)
            break;
    }
    bool integral = true;
    for (int i = 0; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (digit || text[i] == '-' || text[i] == '+')
            continue;
        integral = false;
        if (text[i] != 'e')
            text[i] = '.'; /* whatever the locale has */
    }
    /* A real stays one when it is read again. */
    return buf_add(b, (struct str){text, (size_t)len}) && (!integral || buf_add(b, STR(".0")));
}

static bool write_escape(struct buf *b, char c)
{
    switch (c) {
    case '"':
        return buf_add(b, STR("\\\""));
    case '\\':
        return buf_add(b, STR("\\\\"));
    case '\b':
        return buf_add(b, STR("\\b"));
    case '\f':
        return buf_add(b, STR("\\f"));
    case '\n':
        return buf_add(b, STR("\\n"));
    case '\r':
        return buf_add(b, STR("\\r"));
    case '\t':
        return buf_add(b, STR("\\t"));
    default:
        return buf_addf(b, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

/* Jansson's strings are always UTF-8, which goes through as it is. */
static bool write_string(struct buf *b, struct str s)
{
    if (!buf_add(b, STR("\"")))
        return false;
    size_t plain = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        if (!buf_add(b, str_slice(s, plain, i)) || !write_escape(b, s.p[i]))
            return false;
        plain = i + 1;
    }
    return buf_add(b, str_slice(s, plain, s.len)) && buf_add(b, STR("\""));
}

/* Writes a scalar, or the beginning of an array or object, which becomes the innermost level. */
static bool write_value(struct buf *b, json_t *value, struct levels *levels)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY: {
        struct level level = {.value = value};
        if (json_is_object(value))
            level.next = json_object_iter(value);
        vec_push(levels, level);
        return buf_add(b, json_is_object(value) ? STR("{") : STR("["));
    }
    case JSON_STRING:
        return write_string(b, json_text_str(value));
    case JSON_INTEGER:
        return write_integer(b, json_integer_value(value));
    case JSON_REAL:
        return write_real(b, json_real_value(value));
    case JSON_TRUE:
        return buf_add(b, STR("true"));
    case JSON_FALSE:
        return buf_add(b, STR("false"));
    case JSON_NULL:
    default:
        return buf_add(b, STR("null"));
    }
}

/* Writes the next element or member of the innermost level, or its end. */
static bool write_next(struct buf *b, struct levels *levels)
{
    struct level *level = &levels->v[levels->n - 1];
    bool is_object = json_is_object(level->value);
    bool over = is_object ? level->next == NULL : level->index == json_array_size(level->value);
    if (over) {
        levels->n--;
        return buf_add(b, is_object ? STR("}") : STR("]"));
    }
    if (level->started && !buf_add(b, STR(",")))
        return false;
    level->started = true;
    json_t *value;
    if (is_object) {
        struct str key = {json_object_iter_key(level->next), json_object_iter_key_len(level->next)};
        if (!write_string(b, key) || !buf_add(b, STR(":")))
            return false;
        value = json_object_iter_value(level->next);
        level->next = json_object_iter_next(level->value, level->next);
    } else {
        value = json_array_get(level->value, level->index++);
    }
    return write_value(b, value, levels);
}

bool json_text_write(struct buf *b, const json_t *value)
{
    struct levels levels = {0};
    size_t before = b->len;
    bool ok = write_value(b, without_const(value), &levels);
    while (ok && levels.n > 0)
        ok = write_next(b, &levels);
    vec_finish(&levels);
    if (!ok)
        b->len = before;
    return ok;
}

/* NOLINTNEXTLINE(misc-no-recursion): until left is 0 */
static bool is_deeper(json_t *value, int left)
{
    const char *key = NULL;
    json_t *inner = NULL;
    size_t i = 0;
    if (!json_is_array(value) && !json_is_object(value))
        return false;
    if (left == 0)
        return true;
    json_array_foreach(value, i, inner) if (is_deeper(inner, left - 1)) return true;
    json_object_foreach(value, key, inner) if (is_deeper(inner, left - 1)) return true;
    return false;
}

bool json_text_nests_too_deep(const json_t *value)
{
    return is_deeper(without_const(value), JSON_TEXT_NESTING_MAX);
}

struct str json_text_str(const json_t *value)
{
    if (!json_is_string(value))
        return STR("");
    return (struct str){json_string_value(value), json_string_length(value)};
}

/* s with U+FFFD for every byte that is no part of a character. */
static void replace_bad(struct buf *b, struct str s)
{
    while (s.len > 0) {
        size_t n = utf8_length(s);
        bool added = buf_add(b, n > 0 ? str_slice(s, 0, n) : STR("\xef\xbf\xbd"));
        assert(added);
        s = str_skip(s, n > 0 ? n : 1);
    }
}

json_t *json_text_string(struct str s)
{
    assert(s.len <= SIZE_MAX / 16);
    json_t *value = json_stringn(s.len > 0 ? s.p : "", s.len);
    if (value != NULL)
        return value;
    struct buf b;
    buf_init(&b, s.len * 3);
    replace_bad(&b, s);
    struct str good = buf_str(&b);
    value = json_stringn(good.p, good.len);
    buf_finish(&b);
    if (value == NULL)
        abort(); /* only memory can be missing now */
    return value;
}
