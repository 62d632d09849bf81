#include "model/model.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/base64.h"
#include "model/fields.h"

static const char *const kind_names[MODEL_KIND_COUNT] = {
#define X(name, text) [MODEL_##name] = (text),
    MODEL_KINDS(X)
#undef X
};

const char *model_kind_name(enum model_kind kind)
{
    assert(kind < MODEL_KIND_COUNT);
    return kind_names[kind];
}

bool model_kind_parse(struct str text, enum model_kind *ret)
{
    for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
        if (str_eq(text, str_of(kind_names[kind]))) {
            *ret = kind;
            return true;
        }
    }
    return false;
}

bool model_name_valid(struct str text, size_t max)
{
    if (text.len == 0 || text.len > max || !base64_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f)
            return false;
        /* U+0080 to U+009F are control characters too */
        if (c == 0xc2 && (unsigned char)text.p[i + 1] < 0xa0)
            return false;
    }
    return true;
}

static void destroy_field(struct model_resource *r, const struct fields_field *f)
{
    void *slot = (char *)r + f->offset;
    if (f->output == FIELDS_INPUT_ONLY)
        return;
    switch (f->type) {
    case FIELDS_STRING:
    case FIELDS_SOURCE:
        free(*(char **)slot);
        break;
    case FIELDS_STRINGS: {
        struct model_strings *list = slot;
        for (size_t i = 0; i < list->n; i++)
            free(list->v[i]);
        vec_finish(list);
        break;
    }
    case FIELDS_INTS:
        vec_finish((struct model_ints *)slot);
        break;
    case FIELDS_JSON:
        json_decref(*(json_t **)slot);
        break;
    case FIELDS_BOOL:
    case FIELDS_INT:
    case FIELDS_DURATION:
    case FIELDS_ENUM:
    case FIELDS_RAW_SOURCE:
    case FIELDS_REFUSED:
    default:
        break;
    }
}

void model_destroy(struct model_resource *r)
{
    if (r == NULL)
        return;
    struct fields_table table = fields_of(r->kind);
    for (size_t i = 0; i < table.n; i++)
        destroy_field(r, &table.v[i]);
    free(r);
}

static const char *text_at(const struct model_resource *r, const char *field)
{
    const struct fields_field *f = fields_find(r->kind, str_of(field), MODEL_FROM_STORE);
    return f == NULL ? NULL : *(char *const *)(const void *)((const char *)r + f->offset);
}

struct model_ref model_ref_of(const struct model_resource *r)
{
    bool document = r->kind == MODEL_DOCUMENT;
    return (struct model_ref){
        .kind = r->kind,
        .ns = str_of(text_at(r, "namespace")),
        .collection = str_of(text_at(r, "collection")),
        .name = str_of(text_at(r, document ? "id" : "name")),
    };
}

/* Puts as much of text as fits behind the n bytes of out; returns the new length. */
static size_t label_add(char out[MODEL_LABEL_SIZE], size_t n, struct str text)
{
    struct str part = utf8_cut(text, MODEL_LABEL_SIZE - 1 - n);
    if (part.len > 0)
        memcpy(out + n, part.p, part.len);
    out[n + part.len] = '\0';
    return n + part.len;
}

void model_ref_label(const struct model_ref *ref, char out[MODEL_LABEL_SIZE])
{
    size_t n = label_add(out, 0, str_of(model_kind_name(ref->kind)));
    n = label_add(out, n, STR(" "));
    if (ref->kind != MODEL_NAMESPACE) {
        n = label_add(out, n, ref->ns);
        n = label_add(out, n, STR("/"));
    }
    if (ref->kind == MODEL_DOCUMENT) {
        n = label_add(out, n, ref->collection);
        n = label_add(out, n, STR("/"));
    }
    (void)label_add(out, n, ref->name.len > 0 ? ref->name : STR("*"));
}

/* The parts of a key in their order; a namespace has an empty one where the others have theirs. */
enum { PARTS_MAX = 4 };

static size_t ref_parts(const struct model_ref *ref, struct str parts[PARTS_MAX])
{
    size_t n = 0;
    parts[n++] = str_of(model_kind_name(ref->kind));
    parts[n++] = ref->kind == MODEL_NAMESPACE ? (struct str){0} : ref->ns;
    if (ref->kind == MODEL_DOCUMENT)
        parts[n++] = ref->collection;
    parts[n++] = ref->name;
    return n;
}

bool model_key(struct buf *out, const struct model_ref *ref)
{
    struct str parts[PARTS_MAX];
    size_t n = ref_parts(ref, parts);
    size_t size = n - 1;
    for (size_t i = 0; i < n; i++)
        size += parts[i].len;
    if (size > buf_room(out))
        return false;
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = (i == 0 || buf_add(out, STR("\0"))) && buf_add(out, parts[i]);
    return ok;
}

bool model_key_parse(struct str key, struct model_ref *ret)
{
    struct str parts[PARTS_MAX] = {0};
    size_t n = 0;
    size_t from = 0;
    while (n < PARTS_MAX) {
        size_t to = str_index(key, '\0', from);
        parts[n++] = str_slice(key, from, to);
        if (to == key.len)
            break;
        from = to + 1;
    }
    struct model_ref ref = {0};
    if (!model_kind_parse(parts[0], &ref.kind))
        return false;
    struct str last = parts[n - 1];
    size_t wanted = ref.kind == MODEL_DOCUMENT ? PARTS_MAX : PARTS_MAX - 1;
    if (n != wanted || last.len == 0 || last.p + last.len != key.p + key.len)
        return false;
    if ((ref.kind == MODEL_NAMESPACE) != (parts[1].len == 0))
        return false;
    ref.ns = parts[1];
    ref.name = last;
    if (ref.kind == MODEL_DOCUMENT) {
        ref.collection = parts[2];
        if (ref.collection.len == 0)
            return false;
    }
    *ret = ref;
    return true;
}

uint64_t model_ms(int64_t ns)
{
    assert(ns >= 0);
    return ((uint64_t)ns + 999999) / 1000000;
}

bool model_ints_has(const struct model_ints *list, int64_t n)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->v[i] == n)
            return true;
    }
    return false;
}
