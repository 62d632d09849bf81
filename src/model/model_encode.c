#include <string.h>

#include "codec/json.h"
#include "model/fields.h"
#include "model/model.h"

static json_t *encode_strings(const struct model_strings *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n; i++)
        (void)json_array_append_new(array, json_text_string(str_of(list->v[i])));
    return array;
}

static json_t *encode_ints(const struct model_ints *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n; i++)
        (void)json_array_append_new(array, json_integer(list->v[i]));
    return array;
}

static bool is_empty(const struct fields_field *f, const void *slot)
{
    if (f->type == FIELDS_STRINGS)
        return ((const struct model_strings *)slot)->n == 0;
    if (f->type == FIELDS_INTS)
        return ((const struct model_ints *)slot)->n == 0;
    if (f->type == FIELDS_JSON)
        return *(json_t *const *)slot == NULL;
    if (f->type == FIELDS_BOOL)
        return *(const bool *)slot == (f->default_int != 0);
    if (f->type == FIELDS_INT || f->type == FIELDS_DURATION || f->type == FIELDS_ENUM)
        return *(const int64_t *)slot == f->default_int;
    return f->type == FIELDS_STRING && **(char *const *)slot == '\0';
}

static json_t *encode_value(const struct fields_field *f, const void *slot)
{
    switch (f->type) {
    case FIELDS_STRINGS:
        return encode_strings(slot);
    case FIELDS_INTS:
        return encode_ints(slot);
    case FIELDS_BOOL:
        return json_boolean(*(const bool *)slot);
    case FIELDS_INT:
    case FIELDS_DURATION:
        return json_integer(*(const int64_t *)slot);
    case FIELDS_ENUM:
        return json_string(fields_word_text(f, *(const int64_t *)slot));
    case FIELDS_JSON:
        return json_incref(*(json_t *const *)slot);
    case FIELDS_STRING:
    case FIELDS_SOURCE:
    case FIELDS_RAW_SOURCE:
    case FIELDS_REFUSED:
    default:
        return json_text_string(str_of(*(char *const *)slot));
    }
}

/* Sets a field, inside of its group's object when it has one. */
static void set(json_t *object, const char *name, json_t *value)
{
    const char *point = strchr(name, '.');
    if (point == NULL) {
        (void)json_object_set_new(object, name, value);
        return;
    }
    const size_t len = (size_t)(point - name);
    json_t *group = json_object_getn(object, name, len);
    if (group == NULL) {
        group = json_object();
        (void)json_object_setn_new(object, name, len, group);
    }
    (void)json_object_set_new(group, point + 1, value);
}

json_t *model_encode(const struct model_resource *r, enum model_target target)
{
    json_t *object = json_object();
    struct fields_table table = fields_of(r->kind);
    for (size_t i = 0; i < table.n; i++) {
        const struct fields_field *f = &table.v[i];
        const void *slot = (const char *)r + f->offset;
        bool to_store = target == MODEL_TO_STORE;
        if (f->output == FIELDS_INPUT_ONLY || (f->output == FIELDS_INTERNAL && !to_store))
            continue;
        bool empty = is_empty(f, slot);
        if (empty && (f->output == FIELDS_OMIT_EMPTY || f->output == FIELDS_INTERNAL))
            continue;
        json_t *value = f->output == FIELDS_REDACTED && !to_store && !empty
                            ? json_string(MODEL_REDACTED)
                            : encode_value(f, slot);
        set(object, f->name, value);
    }
    return object;
}
