/* One pass over the input finds the field of every key, a second over the table decodes, a third asks for
 * what is required. Every problem is reported, none ends the work.
 */
#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "model/fields.h"
#include "model/model.h"
#include "model/nearest.h"
#include "model/relations.h"
#include "model/scalar.h"

enum { SHOWN_MAX = 80, MESSAGE_MAX = 2048, PATH_MAX_BYTES = 4096 };
enum { NO_INDEX = -1 };

struct decoding {
    struct model_resource *r;
    struct fields_table table;
    enum model_source source;
    const char *default_ns;
    const char *base;
    struct model_problems *problems;
    bool bad[FIELDS_COUNT_MAX]; /* fields that have a problem already */
    bool failed;
};

/* What the input holds for a field. */
struct given {
    json_t *value; /* borrowed; NULL when absent */
    const char *key;
};

static void __attribute__((format(printf, 4, 5)))
complain(struct decoding *d, struct str field, int index, const char *fmt, ...)
{
    struct buf path;
    struct buf text;
    buf_init(&path, PATH_MAX_BYTES);
    buf_init(&text, MESSAGE_MAX);
    bool ok = buf_addf(&path, "%s", d->base);
    if (field.len > 0)
        ok = ok && buf_addf(&path, "%s%.*s", d->base[0] != '\0' ? "." : "", STR_ARG(field));
    if (index != NO_INDEX)
        ok = ok && buf_addf(&path, "[%d]", index);
    va_list args;
    va_start(args, fmt);
    ok = ok && buf_vaddf(&text, fmt, args);
    va_end(args);
    model_problems_add(d->problems, buf_cstr(&path), "%s",
                       ok ? buf_cstr(&text) : "is not valid, in more words than fit here");
    buf_finish(&path);
    buf_finish(&text);
    d->failed = true;
}

static void *slot_of(struct decoding *d, const struct fields_field *f)
{
    return (char *)d->r + f->offset;
}

static void wrong_type(struct decoding *d, const struct fields_field *f, int index,
                       const char *expected, const json_t *value)
{
    bool quote =
        d->source == MODEL_FROM_CONFIG && (json_is_number(value) || json_is_boolean(value));
    complain(d, str_of(f->name), index, "expected %s, got %s%s", expected, scalar_type_name(value),
             quote ? "; put it in quotes" : "");
}

/* The text of a string value, upper-cased if the field wants it, or NULL after complaining. */
static char *decode_text(struct decoding *d, const struct fields_field *f, int index,
                         const json_t *value)
{
    struct str name = str_of(f->name);
    struct str text = json_text_str(value);
    if (!json_is_string(value)) {
        wrong_type(d, f, index, "a string", value);
        return NULL;
    }
    if (str_index(text, '\0', 0) < text.len) {
        complain(d, name, index, "must not contain a NUL character");
        return NULL;
    }
    if (text.len > (size_t)f->max) {
        complain(d, name, index, "must have at most %lld bytes", (long long)f->max);
        return NULL;
    }
    char *copy = mem_dup(text.p, text.len);
    if ((f->flags & FIELDS_UPPER) != 0) {
        for (size_t i = 0; i < text.len; i++)
            copy[i] = (char)(copy[i] >= 'a' && copy[i] <= 'z' ? copy[i] - 'a' + 'A' : copy[i]);
    }
    struct err e = {0};
    bool optional = text.len == 0 && index == NO_INDEX;
    if (f->check == NULL || optional || f->check((struct str){copy, text.len}, &e) == ERR_OK)
        return copy;
    complain(d, name, index, "%s", e.msg);
    free(copy);
    return NULL;
}

static void decode_string(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    char *text = decode_text(d, f, NO_INDEX, value);
    if (text == NULL)
        return;
    bool unused = (f->flags & FIELDS_SERVER_SET) != 0 && d->source != MODEL_FROM_STORE;
    if (f->later != NULL && *text != '\0')
        complain(d, str_of(f->name), NO_INDEX, "%s", f->later);
    if (unused || (*text == '\0' && (f->flags & FIELDS_NS) != 0)) {
        free(text);
        return;
    }
    char **slot = slot_of(d, f);
    free(*slot);
    *slot = text;
}

static void check_unique(struct decoding *d, const struct fields_field *f,
                         const struct model_strings *list)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t first = 0;
        while (strcmp(list->v[first], list->v[i]) != 0)
            first++;
        if (first < i)
            complain(d, str_of(f->name), (int)i, "is listed twice, first at [%zu]", first);
    }
}

static void check_alone(struct decoding *d, const struct fields_field *f,
                        const struct model_strings *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->n > 1 && strcmp(list->v[i], f->alone) == 0)
            complain(d, str_of(f->name), (int)i, "\"%s\" must stand alone", f->alone);
    }
}

static void decode_strings(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    if (!json_is_array(value)) {
        complain(d, str_of(f->name), NO_INDEX, "expected a list of strings, got %s",
                 scalar_type_name(value));
        return;
    }
    size_t n = json_array_size(value);
    if (n > FIELDS_LIST_MAX) {
        complain(d, str_of(f->name), NO_INDEX, "must have at most %d elements", FIELDS_LIST_MAX);
        return;
    }
    struct model_strings *list = slot_of(d, f);
    bool complete = true;
    for (size_t i = 0; i < n; i++) {
        char *text = decode_text(d, f, (int)i, json_array_get(value, i));
        if (text != NULL)
            vec_push(list, text);
        else
            complete = false;
    }
    if (complete && (f->flags & FIELDS_UNIQUE) != 0)
        check_unique(d, f, list);
    if (complete && f->alone != NULL)
        check_alone(d, f, list);
}

static void decode_bool(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    bool yes = false;
    if (!scalar_bool(value, d->source == MODEL_FROM_CONFIG, &yes)) {
        complain(d, str_of(f->name), NO_INDEX, "expected true or false, got %s",
                 scalar_type_name(value));
        return;
    }
    if (yes && f->later != NULL)
        complain(d, str_of(f->name), NO_INDEX, "%s", f->later);
    *(bool *)slot_of(d, f) = yes;
}

static void decode_int(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    int64_t n = 0;
    struct str name = str_of(f->name);
    if (!scalar_int(value, d->source == MODEL_FROM_CONFIG, &n)) {
        complain(d, name, NO_INDEX, "expected an integer, got %s", scalar_type_name(value));
    } else if (n < f->min || n > f->max) {
        complain(d, name, NO_INDEX, "must be %lld to %lld", (long long)f->min, (long long)f->max);
    } else {
        *(int64_t *)slot_of(d, f) = n;
    }
}

static void decode_ints(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    struct str name = str_of(f->name);
    if (!json_is_array(value)) {
        complain(d, name, NO_INDEX, "expected a list of integers, got %s", scalar_type_name(value));
        return;
    }
    size_t n = json_array_size(value);
    if (n > FIELDS_LIST_MAX) {
        complain(d, name, NO_INDEX, "must have at most %d elements", FIELDS_LIST_MAX);
        return;
    }
    struct model_ints *list = slot_of(d, f);
    for (size_t i = 0; i < n; i++) {
        int64_t number = 0;
        const json_t *element = json_array_get(value, i);
        if (!scalar_int(element, d->source == MODEL_FROM_CONFIG, &number))
            complain(d, name, (int)i, "expected an integer, got %s", scalar_type_name(element));
        else if (number < f->min || number > f->max)
            complain(d, name, (int)i, "must be %lld to %lld", (long long)f->min, (long long)f->max);
        else
            vec_push(list, number);
    }
}

static void decode_duration(struct decoding *d, const struct fields_field *f,
                            const struct given *given)
{
    bool in_ms = f->alias != NULL && strcmp(given->key, f->alias) == 0;
    struct str name = str_of(given->key);
    int64_t ns = 0;
    if (!scalar_duration(given->value, d->source == MODEL_FROM_CONFIG, in_ms ? 1000000 : 1, &ns)) {
        complain(d, name, NO_INDEX,
                 "expected a duration: a string such as \"1.5s\" or \"300ms\", or an integer in %s",
                 in_ms ? "milliseconds" : "nanoseconds");
    } else if (ns < 0) {
        complain(d, name, NO_INDEX, "must not be negative");
    } else if (ns > f->max) {
        complain(d, name, NO_INDEX, "must be at most 24h");
    } else if (ns < f->min) {
        complain(d, name, NO_INDEX, "must be at least %lldms", (long long)(f->min / 1000000));
    } else {
        *(int64_t *)slot_of(d, f) = ns;
    }
}

static void decode_enum(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    struct str text = json_text_str(value);
    if (json_is_string(value) && text.len == 0)
        return;
    for (const struct fields_word *w = f->words; w->text != NULL; w++) {
        if (str_eq_nocase(text, str_of(w->text))) {
            *(int64_t *)slot_of(d, f) = w->value;
            return;
        }
    }
    struct buf allowed;
    buf_init(&allowed, MESSAGE_MAX);
    bool ok = true;
    for (const struct fields_word *w = f->words; w->text != NULL; w++) {
        if (strcmp(w->text, fields_word_text(f, w->value)) == 0)
            ok = ok && buf_addf(&allowed, "%s%s", allowed.len > 0 ? " or " : "", w->text);
    }
    assert(ok);
    struct str name = str_of(f->name);
    struct str got = utf8_cut(text, SHOWN_MAX);
    const char *words = buf_cstr(&allowed);
    if (json_is_string(value))
        complain(d, name, NO_INDEX, "must be %s, not \"%.*s\"", words, STR_ARG(got));
    else
        complain(d, name, NO_INDEX, "expected %s, got %s", words, scalar_type_name(value));
    buf_finish(&allowed);
}

static void decode_json(struct decoding *d, const struct fields_field *f, json_t *value)
{
    if (f->later != NULL && !json_is_null(value))
        complain(d, str_of(f->name), NO_INDEX, "%s", f->later);
    if (d->source != MODEL_FROM_STORE && json_text_nests_too_deep(value))
        complain(d, str_of(f->name), NO_INDEX, "nested too deep");
    json_t **slot = slot_of(d, f);
    json_decref(*slot);
    *slot = json_incref(value);
}

static void decode_raw_source(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    char **slot = slot_of(d, f);
    struct str text = json_text_str(value);
    if (!json_is_string(value)) {
        wrong_type(d, f, NO_INDEX, "a string", value);
    } else if (**slot != '\0') {
        complain(d, str_of(f->name), NO_INDEX, "must not be given together with payload");
    } else if (text.len > (size_t)f->max) {
        complain(d, str_of(f->name), NO_INDEX, "must have at most %lld bytes", (long long)f->max);
    } else {
        struct buf encoded;
        buf_init(&encoded, (size_t)f->max * 2);
        bool ok = base64_encode(&encoded, text);
        assert(ok);
        free(*slot);
        *slot = buf_take(&encoded, NULL);
    }
}

/* Why text is not the base64 of a source; NULL when it is. */
static const char *source_problem(struct str text, size_t max, size_t *bad_at)
{
    if (text.len > (max + 2) / 3 * 4)
        return "must decode to at most 512 KiB";
    struct buf source;
    buf_init(&source, max + 2);
    const char *problem = NULL;
    if (!base64_decode(&source, text, bad_at))
        problem = "is not base64";
    else if (source.len > max)
        problem = "must decode to at most 512 KiB";
    else if (!base64_is_utf8(buf_str(&source)))
        problem = "must decode to UTF-8 text";
    buf_finish(&source);
    return problem;
}

static void decode_source(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    if (!json_is_string(value)) {
        wrong_type(d, f, NO_INDEX, "a string in base64", value);
        return;
    }
    struct str text = json_text_str(value);
    size_t bad_at = SIZE_MAX;
    const char *problem = source_problem(text, (size_t)f->max, &bad_at);
    if (problem == NULL) {
        char **slot = slot_of(d, f);
        free(*slot);
        *slot = mem_dup(text.p, text.len);
    } else if (d->source == MODEL_FROM_CONFIG) {
        decode_raw_source(d, f, value);
    } else if (bad_at != SIZE_MAX) {
        complain(d, str_of(f->name), NO_INDEX, "%s (at offset %zu)", problem, bad_at);
    } else {
        complain(d, str_of(f->name), NO_INDEX, "%s", problem);
    }
}

static void decode_refused(struct decoding *d, const struct fields_field *f, const json_t *value)
{
    if (!json_is_string(value) || json_string_length(value) > 0)
        complain(d, str_of(f->name), NO_INDEX, "%s", f->later);
}

static void decode_field(struct decoding *d, const struct fields_field *f,
                         const struct given *given)
{
    switch (f->type) {
    case FIELDS_STRING:
        decode_string(d, f, given->value);
        break;
    case FIELDS_STRINGS:
        decode_strings(d, f, given->value);
        break;
    case FIELDS_INTS:
        decode_ints(d, f, given->value);
        break;
    case FIELDS_BOOL:
        decode_bool(d, f, given->value);
        break;
    case FIELDS_INT:
        decode_int(d, f, given->value);
        break;
    case FIELDS_DURATION:
        decode_duration(d, f, given);
        break;
    case FIELDS_ENUM:
        decode_enum(d, f, given->value);
        break;
    case FIELDS_JSON:
        decode_json(d, f, given->value);
        break;
    case FIELDS_SOURCE:
        decode_source(d, f, given->value);
        break;
    case FIELDS_RAW_SOURCE:
        decode_raw_source(d, f, given->value);
        break;
    case FIELDS_REFUSED:
    default:
        decode_refused(d, f, given->value);
        break;
    }
}

static void fill_default(struct decoding *d, const struct fields_field *f)
{
    void *slot = slot_of(d, f);
    switch (f->type) {
    case FIELDS_STRING:
    case FIELDS_SOURCE:
        *(char **)slot =
            mem_strdup((f->flags & FIELDS_NS) != 0 && d->default_ns != NULL ? d->default_ns : "");
        break;
    case FIELDS_BOOL:
        *(bool *)slot = f->default_int != 0;
        break;
    case FIELDS_INT:
    case FIELDS_DURATION:
    case FIELDS_ENUM:
        *(int64_t *)slot = f->default_int;
        break;
    case FIELDS_JSON:
        if (f->output != FIELDS_INTERNAL && (f->flags & FIELDS_REQUIRED) == 0)
            *(json_t **)slot = json_null();
        break;
    case FIELDS_STRINGS:
    case FIELDS_INTS:
    case FIELDS_RAW_SOURCE:
    case FIELDS_REFUSED:
    default:
        break;
    }
}

static bool is_missing(struct decoding *d, const struct fields_field *f)
{
    if (f->type == FIELDS_STRINGS)
        return ((struct model_strings *)slot_of(d, f))->n == 0;
    if (f->type == FIELDS_JSON)
        return *(json_t **)slot_of(d, f) == NULL;
    return **(char **)slot_of(d, f) == '\0';
}

static void unknown_field(struct decoding *d, struct str key)
{
    struct nearest n;
    nearest_init(&n, key);
    struct buf names;
    buf_init(&names, MESSAGE_MAX);
    bool ok = true;
    for (size_t i = 0; i < d->table.n; i++) {
        const char *name = d->table.v[i].name;
        if (fields_find(d->r->kind, str_of(name), d->source) == NULL ||
            d->table.v[i].type == FIELDS_REFUSED)
            continue;
        nearest_offer(&n, name);
        ok = ok && buf_addf(&names, "%s%s", names.len > 0 ? ", " : "", name);
    }
    assert(ok);
    if (n.best != NULL)
        complain(d, utf8_cut(key, SHOWN_MAX), NO_INDEX, "unknown field; did you mean %s?", n.best);
    else
        complain(d, utf8_cut(key, SHOWN_MAX), NO_INDEX, "unknown field; a %s has: %s",
                 model_kind_name(d->r->kind), buf_cstr(&names));
    buf_finish(&names);
}

/* jansson's iterators take no const, though they change nothing. */
static json_t *iterable(const json_t *value)
{
    json_t *p = NULL;
    memcpy(&p, &value, sizeof(void *));
    return p;
}

/* kept is key in memory that lives as long as the input; NULL: there is none. */
static void collect_value(struct decoding *d, struct str key, const char *kept, json_t *value,
                          struct given given[FIELDS_COUNT_MAX])
{
    const struct fields_field *f = fields_find(d->r->kind, key, d->source);
    if (f == NULL) {
        unknown_field(d, key);
        return;
    }
    const bool is_alias = f->alias != NULL && str_eq(key, str_of(f->alias));
    struct given *g = &given[f - d->table.v];
    if (g->value != NULL)
        complain(d, key, NO_INDEX, "is given twice, also as %s", g->key);
    if (kept == NULL)
        kept = is_alias ? f->alias : f->name;
    *g = (struct given){value, kept};
}

/* Whether fields of the kind are members of an object of that name. */
static bool is_group(const struct decoding *d, struct str name)
{
    for (size_t i = 0; i < d->table.n; i++) {
        const char *point = strchr(d->table.v[i].name, '.');
        if (point != NULL &&
            str_eq(name, (struct str){d->table.v[i].name, (size_t)(point - d->table.v[i].name)}))
            return true;
    }
    return false;
}

static void collect_group(struct decoding *d, struct str name, const json_t *input,
                          struct given given[FIELDS_COUNT_MAX])
{
    if (!json_is_object(input)) {
        if (!json_is_null(input))
            complain(d, name, NO_INDEX, "expected an object, got %s", scalar_type_name(input));
        return;
    }
    json_t *object = iterable(input);
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        struct str member = {json_object_iter_key(it), json_object_iter_key_len(it)};
        struct buf key;
        buf_init(&key, MESSAGE_MAX);
        member = utf8_cut(member, SHOWN_MAX);
        bool ok = buf_addf(&key, "%.*s.%.*s", STR_ARG(name), STR_ARG(member));
        assert(ok);
        collect_value(d, buf_str(&key), NULL, json_object_iter_value(it), given);
        buf_finish(&key);
    }
}

/* Finds the field of every key of the input. */
static void collect(struct decoding *d, const json_t *input, struct given given[FIELDS_COUNT_MAX])
{
    json_t *object = iterable(input);
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        struct str key = {json_object_iter_key(it), json_object_iter_key_len(it)};
        json_t *value = json_object_iter_value(it);
        if (is_group(d, key))
            collect_group(d, key, value, given);
        else
            collect_value(d, key, key.p, value, given);
    }
}

/* A field with a problem, and those that share its place, are not asked for again. */
static void mark_bad(struct decoding *d, const struct fields_field *f)
{
    for (size_t i = 0; i < d->table.n; i++)
        d->bad[i] = d->bad[i] || d->table.v[i].offset == f->offset;
}

static void decode_fields(struct decoding *d, const json_t *input)
{
    struct given given[FIELDS_COUNT_MAX] = {0};
    collect(d, input, given);
    bool failed = d->failed;
    for (size_t i = 0; i < d->table.n; i++) {
        const struct fields_field *f = &d->table.v[i];
        bool absent = json_is_null(given[i].value) && f->type != FIELDS_JSON;
        fill_default(d, f);
        if (given[i].value == NULL || absent)
            continue;
        d->failed = false;
        decode_field(d, f, &given[i]);
        if (d->failed)
            mark_bad(d, f);
        failed = failed || d->failed;
    }
    d->failed = failed;
    for (size_t i = 0; i < d->table.n; i++) {
        const struct fields_field *f = &d->table.v[i];
        if ((f->flags & FIELDS_REQUIRED) != 0 && !d->bad[i] && is_missing(d, f))
            complain(d, str_of(f->name), NO_INDEX, "is required: %s", f->doc);
    }
}

struct model_resource *model_decode(enum model_kind kind, const json_t *input,
                                    enum model_source source, const char *default_ns,
                                    const char *base, struct model_problems *problems)
{
    assert(kind < MODEL_KIND_COUNT);
    struct decoding d = {
        .table = fields_of(kind),
        .source = source,
        .default_ns = default_ns,
        .base = base,
        .problems = problems,
    };
    if (!json_is_object(input)) {
        complain(&d, (struct str){0}, NO_INDEX, "expected an object, got %s",
                 input == NULL ? "nothing" : scalar_type_name(input));
        return NULL;
    }
    d.r = mem_alloc(sizeof(*d.r));
    d.r->kind = kind;
    decode_fields(&d, input);
    if (!d.failed && !relations_check(d.r, base, problems))
        d.failed = true;
    if (d.failed) {
        model_destroy(d.r);
        return NULL;
    }
    return d.r;
}

struct model_resource *model_decode_stored(enum model_kind kind, struct str text, struct err *e)
{
    struct model_problems problems = {0};
    struct model_resource *r = NULL;
    json_t *json = json_text_parse(text, e);
    if (json != NULL)
        r = model_decode(kind, json, MODEL_FROM_STORE, NULL, "", &problems);
    if (json != NULL && r == NULL)
        (void)err_set(e, ERR_INVALID, "%s", problems.v[0].text);
    model_problems_finish(&problems);
    json_decref(json);
    return r;
}
