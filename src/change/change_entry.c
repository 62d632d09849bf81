#include "change/change_entry.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* The part of key after its first skip separators, up to the next one. */
static struct str part_of(struct str key, size_t skip)
{
    for (; skip > 0; skip--)
        key = str_skip(key, str_index(key, '\0', 0) + 1);
    return str_slice(key, 0, str_index(key, '\0', 0));
}

/* The same address as ref, made of the bytes of key. */
static struct model_ref ref_in(struct str key, const struct model_ref *ref)
{
    struct model_ref in = {.kind = ref->kind};
    bool document = ref->kind == MODEL_DOCUMENT;
    in.ns = part_of(key, 1);
    if (document)
        in.collection = part_of(key, 2);
    in.name = part_of(key, document ? 3 : 2);
    return in;
}

/* Decoded resources have valid names; what is to be deleted may have been named by anybody. */
static bool addressable(const struct model_ref *ref)
{
    bool document = ref->kind == MODEL_DOCUMENT;
    size_t max = document ? MODEL_DOCUMENT_ID_MAX : MODEL_NAME_MAX;
    if (ref->kind != MODEL_NAMESPACE && !model_name_valid(ref->ns, MODEL_NAME_MAX))
        return false;
    if (document && !model_name_valid(ref->collection, MODEL_NAME_MAX))
        return false;
    return (document && ref->name.len == 0) || model_name_valid(ref->name, max);
}

bool change_entry_init(struct change_entry *e, const struct change_item *item)
{
    char label[MODEL_LABEL_SIZE];
    struct buf key;
    bool put = item->command == CHANGE_PUT;
    struct model_ref ref = put ? model_ref_of(item->resource) : item->ref;
    buf_init(&key, STORE_KEY_MAX);
    if (!addressable(&ref) || !model_key(&key, &ref)) {
        buf_finish(&key);
        if (put)
            model_destroy(item->resource);
        return false;
    }
    *e = (struct change_entry){
        .command = item->command,
        .resource = put ? item->resource : NULL,
        .path = mem_strdup(item->path != NULL ? item->path : ""),
        .table = ref.kind == MODEL_DOCUMENT ? STORE_DOCUMENTS : STORE_RESOURCES,
        .range = !put && ref.kind == MODEL_DOCUMENT && ref.name.len == 0,
    };
    e->key.p = buf_take(&key, &e->key.len);
    e->ref = put ? ref : ref_in(e->key, &ref);
    struct model_ref collection = {
        .kind = MODEL_COLLECTION, .ns = e->ref.ns, .name = e->ref.collection};
    model_ref_label(e->range ? &collection : &e->ref, label);
    e->label = (struct str){mem_strdup(label), strlen(label)};
    return true;
}

/* Frees what is only borrowed by others. */
static void free_str(struct str *s)
{
    union {
        const char *in;
        char *out;
    } p = {.in = s->p};
    free(p.out);
    *s = (struct str){.p = NULL};
}

void change_entry_finish(struct change_entry *e)
{
    model_destroy(e->resource);
    model_destroy(e->before);
    free(e->path);
    free_str(&e->key);
    free_str(&e->label);
    *e = (struct change_entry){.resource = NULL};
}

bool change_entry_is(const struct change_entry *e, enum change_command command,
                     enum model_kind kind)
{
    return e->command == command && e->ref.kind == kind;
}
