#include "runtime/memory_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "codec/json.h"
#include "model/model.h"
#include "server/page_args.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

void memory_state_init(struct memory_state *s, size_t document_max,
                       const struct entries_options *storage)
{
    *s = (struct memory_state){.collections = json_object(),
                               .documents = json_object(),
                               .secrets = json_object(),
                               .document_max = document_max};
    memory_storage_init(&s->storage, storage);
}

void memory_state_finish(struct memory_state *s)
{
    json_decref(s->collections);
    json_decref(s->documents);
    json_decref(s->secrets);
    memory_storage_finish(&s->storage);
}

void memory_state_clear(struct memory_state *s)
{
    (void)json_object_clear(s->collections);
    (void)json_object_clear(s->documents);
    (void)json_object_clear(s->secrets);
    memory_storage_clear(&s->storage);
}

static const char *text_of(const json_t *args, const char *key)
{
    const char *text = json_string_value(json_object_get(args, key));
    return text != NULL ? text : "";
}

static json_t *or_null(json_t *found)
{
    return found != NULL ? json_incref(found) : json_null();
}

/* The collection of that name; NULL with e filled when there is none. */
static json_t *require_collection(const struct memory_state *s, const char *name, struct err *e)
{
    json_t *found = json_object_get(s->collections, name);
    if (name[0] == '\0')
        (void)err_set(e, ERR_INVALID, "collection is required");
    else if (found == NULL)
        (void)err_set(e, ERR_NOT_FOUND, "collection default/%s: not found", name);
    return found;
}

/* The documents of the collection that args name; NULL with e filled when there is no such collection. */
static json_t *documents_of(const struct memory_state *s, const json_t *args, struct err *e)
{
    const char *name = text_of(args, "collection");
    return require_collection(s, name, e) != NULL ? json_object_get(s->documents, name) : NULL;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of their ids, as a server lists them. */
static json_t *list_documents(json_t *documents, const json_t *args, struct err *e)
{
    uint64_t limit = 0;
    uint64_t offset = 0;
    if (!page_args_limit(args, &limit, e) || !page_args_offset(args, &offset, e))
        return NULL;
    const char **keys = mem_calloc(json_object_size(documents) + 1, sizeof(*keys));
    size_t n = 0;
    const char *key = NULL;
    json_t *document = NULL;
    json_object_foreach(documents, key, document) keys[n++] = key;
    qsort(keys, n, sizeof(*keys), compare_keys);
    json_t *list = json_array();
    for (size_t i = (size_t)offset; i < n && json_array_size(list) < (size_t)limit; i++)
        (void)json_array_append(list, json_object_get(documents, keys[i]));
    free(keys);
    return list;
}

static json_t *get_document(const struct memory_state *s, const json_t *args, struct err *e)
{
    const json_t *documents = documents_of(s, args, e);
    if (documents == NULL)
        return NULL;
    if (text_of(args, "id")[0] != '\0')
        return or_null(json_object_get(documents, text_of(args, "id")));
    (void)err_set(e, ERR_INVALID, "id is required");
    return NULL;
}

/* A resource as the admin API takes it. */
static struct model_resource *decode(enum model_kind kind, const json_t *args, struct err *e)
{
    struct model_problems problems = {0};
    struct model_resource *r = model_decode(kind, args, MODEL_FROM_API, "default", "", &problems);
    const char *ns = text_of(args, "namespace");
    if (r == NULL) {
        const struct model_problem *p = &problems.v[0];
        (void)err_set(e, ERR_INVALID, "%s%s%s", p->path, p->path[0] != '\0' ? ": " : "", p->text);
    } else if (ns[0] != '\0' && strcmp(ns, "default") != 0) {
        (void)err_set(e, ERR_FORBIDDEN,
                      "a module of namespace default may not write to namespace %s", ns);
        model_destroy(r);
        r = NULL;
    }
    model_problems_finish(&problems);
    return r;
}

static json_t *put_collection(struct memory_state *s, const json_t *args, struct err *e)
{
    struct model_resource *r = decode(MODEL_COLLECTION, args, e);
    if (r == NULL || !memory_schema_allows(&s->schema, &r->collection, e)) {
        model_destroy(r);
        return NULL;
    }
    json_t *stored = model_encode(r, MODEL_TO_API);
    const char *name = r->collection.name;
    (void)json_object_set(s->collections, name, stored);
    if (json_object_get(s->documents, name) == NULL)
        (void)json_object_set_new(s->documents, name, json_object());
    model_destroy(r);
    return stored;
}

bool memory_state_put_secret(struct memory_state *s, struct str name, struct str data,
                             struct err *e)
{
    json_t *args =
        json_pack("{s:o, s:o}", "name", json_text_string(name), "data", json_text_string(data));
    struct model_resource *r = decode(MODEL_SECRET, args, e);
    if (r != NULL)
        (void)json_object_set_new(s->secrets, r->secret.name,
                                  json_text_string(str_of(r->secret.data)));
    model_destroy(r);
    json_decref(args);
    return r != NULL;
}

static int64_t now_ms(const struct memory_state *s)
{
    return s->clock != NULL && s->clock->stopped ? (int64_t)s->clock->wall_ms : now_wall_ms();
}

static void set_times(const struct memory_state *s, struct model_document *d, const json_t *before)
{
    char now[NOW_RFC3339_SIZE];
    now_rfc3339(now_ms(s), now);
    const char *created = text_of(before, "createdAt");
    free(d->created_at);
    free(d->updated_at);
    d->created_at = mem_strdup(created[0] != '\0' ? created : now);
    d->updated_at = mem_strdup(now);
}

static bool fits(const struct memory_state *s, const struct model_document *d, struct err *e)
{
    const json_t *collection = json_object_get(s->collections, d->collection);
    if (json_dumpb(d->data, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) <= s->document_max)
        return memory_schema_fits(&s->schema, json_object_get(collection, "schema"), d, e);
    (void)err_set(e, ERR_INVALID, "data: it has more than %zu bytes (limits.document_max)",
                  s->document_max);
    return false;
}

static json_t *put_document(struct memory_state *s, const json_t *args, struct err *e)
{
    struct model_resource *r = decode(MODEL_DOCUMENT, args, e);
    if (r == NULL)
        return NULL;
    struct model_document *d = &r->document;
    json_t *documents = json_object_get(s->documents, d->collection);
    json_t *stored = NULL;
    if (documents == NULL) {
        (void)err_set(e, ERR_INVALID, "collection: collection not found: %s", d->collection);
    } else if (fits(s, d, e)) {
        set_times(s, d, json_object_get(documents, d->id));
        stored = model_encode(r, MODEL_TO_API);
        (void)json_object_set(documents, d->id, stored);
    }
    model_destroy(r);
    return stored;
}

static bool may_delete_collection(const struct memory_state *s, const char *name, struct err *e)
{
    const size_t left = json_object_size(json_object_get(s->documents, name));
    if (name[0] == '\0')
        return err_set(e, ERR_INVALID, "name is required") == ERR_OK;
    if (json_object_get(s->collections, name) == NULL)
        return err_set(e, ERR_NOT_FOUND, "collection default/%s: not found", name) == ERR_OK;
    if (left == 0)
        return true;
    (void)err_set(e, ERR_CONFLICT, "collection default/%s: still has %zu documents", name, left);
    return false;
}

static json_t *delete_collection(struct memory_state *s, const json_t *args, struct err *e)
{
    const char *name = text_of(args, "name");
    if (!may_delete_collection(s, name, e))
        return NULL;
    (void)json_object_del(s->collections, name);
    (void)json_object_del(s->documents, name);
    return json_null();
}

static json_t *delete_document(struct memory_state *s, const json_t *args, struct err *e)
{
    const char *id = text_of(args, "id");
    json_t *documents = documents_of(s, args, e);
    if (documents == NULL)
        return NULL;
    if (id[0] == '\0') {
        (void)err_set(e, ERR_INVALID, "id is required");
        return NULL;
    }
    if (json_object_del(documents, id) == 0)
        return json_null();
    (void)err_set(e, ERR_NOT_FOUND, "document default/%s/%s: not found",
                  text_of(args, "collection"), id);
    return NULL;
}

static json_t *run(struct memory_state *s, enum script_state_op op, const json_t *args,
                   struct err *e)
{
    if (memory_storage_concerns(op))
        return memory_storage_run(&s->storage, op, args, (uint64_t)now_ms(s), e);
    switch ((int)op) {
    case SCRIPT_GET_SECRET:
        return or_null(json_object_get(s->secrets, text_of(args, "name")));
    case SCRIPT_GET_COLLECTION:
        return json_incref(require_collection(s, text_of(args, "name"), e));
    case SCRIPT_GET_DOCUMENT:
        return get_document(s, args, e);
    case SCRIPT_GET_DOCUMENTS: {
        json_t *documents = documents_of(s, args, e);
        return documents != NULL ? list_documents(documents, args, e) : NULL;
    }
    case SCRIPT_PUT_COLLECTION:
        return put_collection(s, args, e);
    case SCRIPT_PUT_DOCUMENT:
        return put_document(s, args, e);
    case SCRIPT_DELETE_COLLECTION:
        return delete_collection(s, args, e);
    case SCRIPT_DELETE_DOCUMENT:
        return delete_document(s, args, e);
    default:
        (void)err_set(e, ERR_INVALID, "dgate-runtime does not have this; try it with a server");
        return NULL;
    }
}

bool memory_state_answer(struct memory_state *s, const struct script_state_request *request,
                         struct buf *out, struct err *e)
{
    json_t *args = json_text_parse(request->args, e);
    json_t *result = json_is_object(args) ? run(s, request->op, args, e) : NULL;
    if (args != NULL && !json_is_object(args))
        (void)err_set(e, ERR_INVALID, "an object is expected");
    const bool fits = result != NULL && json_text_write(out, result);
    if (result != NULL && !fits)
        (void)err_set(e, ERR_TOO_LARGE, SCRIPT_STATE_RESULT_TOO_LARGE);
    json_decref(result);
    json_decref(args);
    return fits;
}

void memory_state_ask(struct memory_state *s, const struct script_state_request *request,
                      script_state_done done, void *user)
{
    struct err e = {0};
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    const bool ok = memory_state_answer(s, request, &out, &e);
    done(user, buf_str(&out), ok ? NULL : &e);
    buf_finish(&out);
}
