#include "route/rex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <assert.h>
#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"

enum {
    MATCH_LIMIT = 20000,   /* about a millisecond of backtracking */
    HEAP_LIMIT_KIB = 1024, /* interpreter only */
    NESTING_LIMIT = 50,    /* parentheses */
    ERROR_TEXT_SIZE = 160,
};

struct rex {
    unsigned refs;
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

/* \C could split a character, and UTF mode would be switched on by the text: paths are bytes. */
static uint32_t compile_options(enum rex_mode mode)
{
    uint32_t common =
        PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_DOLLAR_ENDONLY;
    if (mode == REX_WHOLE)
        return common | PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    return common | PCRE2_CASELESS;
}

static pcre2_code *compile(struct str source, enum rex_mode mode, int *error, size_t *offset)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL)
        abort();
    (void)pcre2_set_parens_nest_limit(context, NESTING_LIMIT);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)source.p, source.len, compile_options(mode), error,
                                     offset, context);
    pcre2_compile_context_free(context);
    return code;
}

enum err_code rex_create(struct str source, enum rex_mode mode, struct rex **ret, struct err *e)
{
    if (source.len == 0)
        return err_set(e, ERR_INVALID, "the regular expression is empty");
    if (source.len > REX_SOURCE_MAX)
        return err_set(e, ERR_INVALID, "the regular expression is longer than %d bytes",
                       REX_SOURCE_MAX);
    int error = 0;
    size_t offset = 0;
    pcre2_code *code = compile(source, mode, &error, &offset);
    if (code == NULL) {
        PCRE2_UCHAR text[ERROR_TEXT_SIZE] = "";
        (void)pcre2_get_error_message(error, text, sizeof(text));
        return err_set(e, ERR_INVALID, "%s at offset %zu of the regular expression",
                       (const char *)text, offset);
    }
    /* Without JIT (not available, or refused for this expression) the interpreter matches. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);

    struct rex *r = mem_alloc(sizeof(*r));
    r->refs = 1;
    r->code = code;
    r->data = pcre2_match_data_create(1, NULL);
    r->context = pcre2_match_context_create(NULL);
    if (r->data == NULL || r->context == NULL)
        abort();
    (void)pcre2_set_match_limit(r->context, MATCH_LIMIT);
    (void)pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
    *ret = r;
    return ERR_OK;
}

struct rex *rex_ref(struct rex *r)
{
    assert(r->refs > 0);
    r->refs++;
    return r;
}

void rex_unref(struct rex *r)
{
    if (r == NULL)
        return;
    assert(r->refs > 0);
    if (--r->refs > 0)
        return;
    pcre2_match_context_free(r->context);
    pcre2_match_data_free(r->data);
    pcre2_code_free(r->code);
    free(r);
}

enum rex_result rex_match(const struct rex *r, struct str subject)
{
    const char *p = subject.p != NULL ? subject.p : "";
    int n = pcre2_match(r->code, (PCRE2_SPTR)p, subject.len, 0, 0, r->data, r->context);
    if (n >= 0)
        return REX_MATCH;
    return n == PCRE2_ERROR_NOMATCH ? REX_NO_MATCH : REX_LIMIT;
}
