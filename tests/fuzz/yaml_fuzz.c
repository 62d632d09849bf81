/* YAML documents. What must hold: an error says on which line, a value is within the budgets and
 * comes through JSON text unchanged.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 64 << 20 };

/* Replaces what begins with "$" by the rest, and fails on "$!". */
static bool replace(void *user, const char *path, int line, struct str text, char **ret,
                    struct err *e)
{
    size_t *count = user;
    (*count)++;
    assert(strlen(path) <= 4096 && line > 0);
    if (str_starts(text, STR("$!"))) {
        (void)err_set(e, ERR_INVALID, "line %d: refused", line);
        return false;
    }
    if (str_starts(text, STR("$")))
        *ret = mem_dup(text.p + 1, text.len - 1);
    return true;
}

static void check_value(json_t *value)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, TEXT_MAX);
    assert(json_text_write(&b, value));
    json_t *again = json_text_parse(buf_str(&b), &e);
    assert(again != NULL);
    assert(json_equal(value, again));
    json_decref(again);
    buf_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + (size == 0 ? 1 : 0));
    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    struct str text = {copy, size};
    struct yaml_lines *lines = NULL;
    struct err e = {0};
    size_t count = 0;

    json_t *value = yaml_parse(text, replace, &count, &lines, &e);
    if (value == NULL) {
        assert(e.code == ERR_INVALID && strncmp(e.msg, "line ", 5) == 0);
        assert(lines == NULL);
    } else {
        assert(count <= 100000);
        assert(yaml_lines_get(lines, "no.such[1].path") == 0);
        check_value(value);
        json_decref(value);
        yaml_lines_destroy(lines);
    }
    value = json_text_parse(text, &e);
    if (value != NULL)
        check_value(value);
    json_decref(value);
    free(copy);
    return 0;
}
