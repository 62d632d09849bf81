#include "runtime/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

enum { ALLOWED_MAX = 1024 };

void arguments_init(struct arguments *a, const char *command, char **args,
                    const struct arguments_option *options, size_t option_count)
{
    *a = (struct arguments){
        .command = command, .options = options, .option_count = option_count, .rest = args};
}

void arguments_finish(struct arguments *a)
{
    vec_finish(&a->operands);
}

int arguments_refuse(const struct arguments *a, const char *fmt, ...)
{
    va_list args;
    (void)fprintf(stderr, "dgate-runtime %s: ", a->command);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fprintf(stderr, "\nTry: dgate-runtime %s --help\n", a->command);
    return ARGUMENTS_USAGE;
}

/* Whether text is that option, alone or as name=value. */
static bool is_option(const char *text, const char *name, const char **ret_value)
{
    if (name == NULL)
        return false;
    const size_t len = strlen(name);
    if (strncmp(text, name, len) != 0 || (text[len] != '\0' && text[len] != '='))
        return false;
    *ret_value = text[len] == '=' ? text + len + 1 : NULL;
    return true;
}

static int unknown(const struct arguments *a, const char *text)
{
    struct buf allowed;
    bool ok = true;
    buf_init(&allowed, ALLOWED_MAX);
    for (size_t i = 0; ok && i < a->option_count; i++)
        ok = buf_addf(&allowed, "%s%s", i > 0 ? ", " : "", a->options[i].name);
    (void)arguments_refuse(a, "unknown option %s (allowed: %s)", text, buf_cstr(&allowed));
    buf_finish(&allowed);
    return ARGUMENTS_BAD;
}

static int take_option(struct arguments *a, const char *text)
{
    for (size_t i = 0; i < a->option_count; i++) {
        const struct arguments_option *o = &a->options[i];
        const char *value = NULL;
        if (!is_option(text, o->name, &value) && !is_option(text, o->alias, &value))
            continue;
        if (o->value == NULL && value != NULL) {
            (void)arguments_refuse(a, "%s takes no value", o->name);
            return ARGUMENTS_BAD;
        }
        if (o->value != NULL && value == NULL && (value = *a->rest) != NULL)
            a->rest++;
        if (o->value != NULL && value == NULL) {
            (void)arguments_refuse(a, "%s takes a value: %s %s", o->name, o->name, o->value);
            return ARGUMENTS_BAD;
        }
        a->value = value;
        return (int)i;
    }
    return unknown(a, text);
}

int arguments_next(struct arguments *a)
{
    while (*a->rest != NULL) {
        const char *text = *a->rest++;
        if (strcmp(text, "--") == 0) {
            while (*a->rest != NULL)
                vec_push(&a->operands, *a->rest++);
        } else if (text[0] != '-' || text[1] == '\0') {
            vec_push(&a->operands, text);
        } else {
            return take_option(a, text);
        }
    }
    return ARGUMENTS_END;
}

bool arguments_number(const struct arguments *a, int option, uint64_t min, uint64_t max,
                      uint64_t *ret)
{
    uint64_t n = 0;
    if (str_to_u64(str_of(a->value), max, &n) && n >= min) {
        *ret = n;
        return true;
    }
    (void)arguments_refuse(a, "%s takes a whole number from %llu to %llu, not %s",
                           a->options[option].name, (unsigned long long)min,
                           (unsigned long long)max, a->value);
    return false;
}
