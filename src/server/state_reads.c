#include "server/state_reads.h"

#include "base/now.h"
#include "codec/json.h"
#include "server/page_args.h"
#include "server/storage_reads.h"

struct listing {
    json_t *array;
    uint64_t skip;
    uint64_t left;
};

/* The API form of a stored resource, NULL when it cannot be decoded. */
static json_t *api_form(enum model_kind kind, struct str value)
{
    struct err e;
    struct model_resource *r = model_decode_stored(kind, store_value_json(value), &e);
    json_t *result = r == NULL ? NULL : model_encode(r, MODEL_TO_API);
    model_destroy(r);
    return result;
}

/* The resource of that address, JSON null when it is absent. */
static json_t *get_one(struct store_read *read, const struct model_ref *ref)
{
    struct buf key;
    struct str value = {0};
    buf_init(&key, STORE_KEY_MAX);
    enum store_table table = ref->kind == MODEL_DOCUMENT ? STORE_DOCUMENTS : STORE_RESOURCES;
    json_t *result = NULL;
    if (ref->name.len > 0 && model_key(&key, ref) && store_get(read, table, buf_str(&key), &value))
        result = api_form(ref->kind, value);
    buf_finish(&key);
    return result != NULL ? result : json_null();
}

/* Whose state is read, and from where. */
struct place {
    struct str own; /* namespace of the module */
    struct str ns;
};

/* The collection's resource in the API's form, or NULL with e filled: there is none, or it is private to another namespace. */
static json_t *require_collection(struct store_read *read, const struct place *place,
                                  struct str name, struct err *e)
{
    struct model_ref ref = {.kind = MODEL_COLLECTION, .ns = place->ns, .name = name};
    if (name.len == 0) {
        (void)err_set(e, ERR_INVALID, "collection is required");
        return NULL;
    }
    json_t *found = get_one(read, &ref);
    if (!json_is_object(found)) {
        (void)err_set(e, ERR_NOT_FOUND, "collection %.*s/%.*s: not found", STR_ARG(place->ns),
                      STR_ARG(name));
    } else if (!str_eq(place->own, place->ns) &&
               !str_eq(json_text_str(json_object_get(found, "visibility")), STR("public"))) {
        (void)err_set(e, ERR_FORBIDDEN,
                      "collection %.*s/%.*s is private: only modules of its namespace may read it",
                      STR_ARG(place->ns), STR_ARG(name));
    } else {
        return found;
    }
    json_decref(found);
    return NULL;
}

/* "other/users" is collection users of namespace other, if the namespace at hand has none of that name. */
static void resolve(struct store_read *read, struct place *place, struct str *name)
{
    struct model_ref ref = {.kind = MODEL_COLLECTION, .ns = place->ns, .name = *name};
    const size_t slash = str_index(*name, '/', 0);
    if (slash == name->len)
        return;
    json_t *found = get_one(read, &ref);
    if (!json_is_object(found)) {
        place->ns = str_slice(*name, 0, slash);
        *name = str_skip(*name, slash + 1);
    }
    json_decref(found);
}

static bool add_document(void *user, struct str key, struct str value)
{
    (void)key;
    struct listing *l = user;
    if (l->skip > 0) {
        l->skip--;
        return true;
    }
    if (l->left == 0)
        return false;
    json_t *document = api_form(MODEL_DOCUMENT, value);
    if (document != NULL && json_array_append_new(l->array, document) == 0)
        l->left--;
    return l->left > 0;
}

static json_t *list_documents(struct store_read *read, struct str ns, struct str collection,
                              const json_t *args, struct err *e)
{
    struct listing l = {0};
    struct model_ref ref = {.kind = MODEL_DOCUMENT, .ns = ns, .collection = collection};
    struct buf prefix;
    if (!page_args_limit(args, &l.left, e) || !page_args_offset(args, &l.skip, e))
        return NULL;
    buf_init(&prefix, STORE_KEY_MAX);
    l.array = json_array();
    if (l.left > 0 && model_key(&prefix, &ref))
        store_each(read, STORE_DOCUMENTS, buf_str(&prefix), (struct str){0}, add_document, &l);
    buf_finish(&prefix);
    return l.array;
}

static json_t *read_documents(struct store_read *read, enum script_state_op op, struct place *place,
                              const json_t *args, struct err *e)
{
    struct str collection = json_text_str(json_object_get(args, "collection"));
    resolve(read, place, &collection);
    json_t *found = require_collection(read, place, collection, e);
    json_decref(found);
    if (found == NULL)
        return NULL;
    if (op == SCRIPT_GET_DOCUMENTS)
        return list_documents(read, place->ns, collection, args, e);
    struct model_ref ref = {.kind = MODEL_DOCUMENT,
                            .ns = place->ns,
                            .collection = collection,
                            .name = json_text_str(json_object_get(args, "id"))};
    if (ref.name.len > 0)
        return get_one(read, &ref);
    (void)err_set(e, ERR_INVALID, "id is required");
    return NULL;
}

static json_t *run(struct store_read *read, enum script_state_op op, struct str ns,
                   const json_t *args, struct err *e)
{
    struct str given = json_text_str(json_object_get(args, "namespace"));
    struct place place = {.own = ns, .ns = given.len > 0 ? given : ns};
    if (op == SCRIPT_GET_COLLECTION) {
        struct str name = json_text_str(json_object_get(args, "name"));
        resolve(read, &place, &name);
        return require_collection(read, &place, name, e);
    }
    return read_documents(read, op, &place, args, e);
}

/* The data of a secret of the own namespace, JSON null when there is none. */
static json_t *get_secret(struct store_read *read, struct str ns, struct str name)
{
    const struct model_ref ref = {.kind = MODEL_SECRET, .ns = ns, .name = name};
    struct buf key;
    struct str value = {0};
    struct err e;
    struct model_resource *r = NULL;
    buf_init(&key, STORE_KEY_MAX);
    if (name.len > 0 && model_key(&key, &ref) &&
        store_get(read, STORE_RESOURCES, buf_str(&key), &value))
        r = model_decode_stored(MODEL_SECRET, store_value_json(value), &e);
    buf_finish(&key);
    json_t *result = r != NULL ? json_text_string(str_of(r->secret.data)) : json_null();
    model_destroy(r);
    return result;
}

static bool write_result(json_t *result, struct buf *out, struct err *e)
{
    const bool ok = result != NULL && json_text_write(out, result);
    if (result != NULL && !ok)
        (void)err_set(e, ERR_TOO_LARGE, SCRIPT_STATE_RESULT_TOO_LARGE);
    json_decref(result);
    return ok;
}

bool state_reads_run(struct store_read *read, enum script_state_op op, struct str ns,
                     struct str args, struct buf *out, struct err *e)
{
    bool ok = false;
    json_t *object = json_text_parse(args, e);
    if (object == NULL)
        return false;
    const struct str name = json_text_str(json_object_get(object, "name"));
    if (op == SCRIPT_STORAGE_GET)
        ok = storage_reads_get(read, ns, object, (uint64_t)now_wall_ms(), out, e);
    else if (op == SCRIPT_STORAGE_LIST)
        ok = storage_reads_list(read, ns, object, (uint64_t)now_wall_ms(), out, e);
    else if (op == SCRIPT_GET_SECRET)
        ok = write_result(get_secret(read, ns, name), out, e);
    else
        ok = write_result(run(read, op, ns, object, e), out, e);
    json_decref(object);
    return ok;
}
