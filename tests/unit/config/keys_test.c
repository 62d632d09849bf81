#include "base/buf.h"
#include "config/file_text.h"
#include "config/keys.h"
#include "testing.h"

static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < keys_count; i++) {
        const struct keys_key *k = &keys_all[i];
        assert_ptr_equal(keys_find(str_of(k->path)), k);
        assert_non_null(k->doc);
        const char *last = keys_last_name(k->path);
        if (last != k->path) {
            struct str map = {k->path, (size_t)(last - 1 - k->path)};
            const struct keys_key *around = keys_find(map);
            if (around == NULL || around > k || around->type != KEYS_MAP)
                fail_msg("%s is in no map before it", k->path);
        }
        bool number = k->type == KEYS_INT || k->type == KEYS_MS;
        if (number && (k->default_int < k->min || k->default_int > k->max || k->min >= k->max))
            fail_msg("%s has bad limits", k->path);
        assert_int_equal(k->words != NULL, k->type == KEYS_WORD);
        assert_int_equal(k->later != NULL, k->type == KEYS_REFUSED);
        struct err e = {0};
        if (k->default_text != NULL && k->check(str_of(k->default_text), &e) != ERR_OK)
            fail_msg("the default of %s: %s", k->path, e.msg);
    }
}

static void print_words(struct buf *b, const struct keys_key *k)
{
    bool ok = true;
    for (const struct keys_word *w = k->words; w->text != NULL; w++) {
        if (strcmp(w->text, keys_word_text(k, w->value)) == 0)
            ok = ok && buf_addf(b, "%s`%s`", w == k->words ? "" : ", ", w->text);
    }
    assert_true(ok);
}

static void print_type(struct buf *b, const struct keys_key *k)
{
    static const char *const names[] = {
        [KEYS_MAP] = "map",
        [KEYS_STRING] = "string",
        [KEYS_STRINGS] = "list of strings",
        [KEYS_BOOL] = "boolean",
        [KEYS_IGNORED] = "boolean",
        [KEYS_PAIRS] = "map of names to values",
        [KEYS_USERS] = "list of maps",
        [KEYS_RESOURCES] = "map of lists",
    };
    bool ok = true;
    if (k->type == KEYS_WORD)
        print_words(b, k);
    else if (k->type == KEYS_INT)
        ok = buf_addf(b, "%lld to %lld", (long long)k->min, (long long)k->max);
    else if (k->type == KEYS_MS)
        ok = buf_addf(b, "duration, %lld to %lld ms", (long long)k->min, (long long)k->max);
    else
        ok = buf_addf(b, "%s", names[k->type]);
    assert_true(ok);
}

static void print_default(struct buf *b, const struct keys_key *k)
{
    bool ok = true;
    if (k->type == KEYS_WORD && k->default_int == KEYS_AS_LOG_LEVEL)
        ok = buf_add(b, STR("`log_level`"));
    else if (k->type == KEYS_WORD)
        ok = buf_addf(b, "`%s`", keys_word_text(k, (unsigned)k->default_int));
    else if (k->type == KEYS_INT || k->type == KEYS_MS)
        ok = buf_addf(b, "`%lld`", (long long)k->default_int);
    else if (k->type == KEYS_BOOL || k->type == KEYS_IGNORED)
        ok = buf_addf(b, "`%s`", k->default_int != 0 ? "true" : "false");
    else if (k->default_text != NULL)
        ok = buf_addf(b, "`%s`", k->default_text);
    assert_true(ok);
}

/* The row of docs/config.md that describes k. */
static void print_row(struct buf *b, const struct keys_key *k)
{
    bool ok = buf_addf(b, "| `%s` | ", k->path);
    if (k->type == KEYS_REFUSED) {
        ok = ok && buf_addf(b, "%s | %s |\n", k->doc, k->later);
    } else {
        print_type(b, k);
        ok = ok && buf_add(b, STR(" | "));
        print_default(b, k);
        ok = ok && buf_addf(b, " | %s |\n", k->doc);
    }
    assert_true(ok);
}

static void the_document_has_a_row_for_every_key(void **state)
{
    (void)state;
    struct buf text;
    struct buf missing;
    struct err e = {0};
    buf_init(&text, 1 << 20);
    buf_init(&missing, 1 << 20);
    if (file_text_read("docs/config.md", &text, &e) != ERR_OK)
        fail_msg("docs/config.md: %s", e.msg);
    for (size_t i = 0; i < keys_count; i++) {
        struct buf row;
        buf_init(&row, 4096);
        print_row(&row, &keys_all[i]);
        if (!str_contains(buf_str(&text), buf_str(&row)))
            assert_true(buf_add(&missing, buf_str(&row)));
        buf_finish(&row);
    }
    if (missing.len > 0)
        (void)fprintf(stderr, "docs/config.md lacks:\n%s", buf_cstr(&missing));
    assert_int_equal(missing.len, 0);
    buf_finish(&text);
    buf_finish(&missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(the_document_has_a_row_for_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
