/* Documents of one collection go to the host together, up to BATCH_BYTES of them at once; one batch after the other. */
#include "change/change_schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "change/change_check.h"
#include "codec/json.h"

enum { BATCH_BYTES = 1024 * 1024, BATCH_DOCUMENTS = 1000 };

struct documents {
    VEC_OF(const struct change_entry *);
};

/* A collection's schema and what is to fit it. */
struct batch {
    struct hmap_node
        node; /* by the collection's key, which key holds; the one that is filled is in the map */
    struct buf key;
    json_t *schema;                        /* owned */
    const struct change_entry *collection; /* NULL: the request does not put it */
    struct documents documents;
    size_t bytes;
};

struct batches {
    VEC_OF(struct batch *);
};

struct change_schema {
    struct change_view *view;
    struct batches batches;
    struct hmap filling;
    size_t at; /* the batch on its way */
    const struct change_host *host;
    struct model_problems *problems;
    void (*done)(void *user, const struct err *error);
    void *user;
};

static bool has_schema(const json_t *schema)
{
    return schema != NULL && !json_is_null(schema);
}

static struct batch *add_batch(struct change_schema *s, struct str key, const json_t *schema,
                               const struct change_entry *collection)
{
    struct batch *b = mem_alloc(sizeof(*b));
    *b = (struct batch){.schema = json_deep_copy(schema), .collection = collection};
    buf_init(&b->key, STORE_KEY_MAX);
    (void)!buf_add(&b->key, key);
    hmap_add(&s->filling, &b->node, buf_str(&b->key));
    vec_push(&s->batches, b);
    return b;
}

/* A new reference to the stored collection's schema, or NULL. */
static json_t *stored_schema(struct str value)
{
    struct err e;
    /* Most have none, and their text says so. */
    if (value.len == 0 || str_contains(value, STR("\"schema\":null")))
        return NULL;
    struct model_resource *r = model_decode_stored(MODEL_COLLECTION, store_value_json(value), &e);
    json_t *schema =
        r != NULL && has_schema(r->collection.schema) ? json_incref(r->collection.schema) : NULL;
    model_destroy(r);
    return schema;
}

/* The batch that documents of the collection go into; NULL when it has no schema. */
static struct batch *batch_of(struct change_schema *s, const struct change_entry *document)
{
    const struct model_ref ref = {
        .kind = MODEL_COLLECTION, .ns = document->ref.ns, .name = document->ref.collection};
    const struct change_entry *put = NULL;
    struct str value = {0};
    struct buf key;
    struct batch *b = NULL;
    buf_init(&key, STORE_KEY_MAX);
    if (!model_key(&key, &ref) || !change_view_get(s->view, &ref, &put, &value)) {
        buf_finish(&key);
        return NULL;
    }
    struct hmap_node *n = hmap_get(&s->filling, buf_str(&key));
    if (n != NULL) {
        b = container_of(n, struct batch, node);
    } else if (put == NULL) {
        json_t *schema = stored_schema(value);
        if (schema != NULL)
            b = add_batch(s, buf_str(&key), schema, NULL);
        json_decref(schema);
    }
    buf_finish(&key);
    return b;
}

/* When it is full another one goes on with the same schema. */
static void add_document(struct change_schema *s, const struct change_entry *e)
{
    struct batch *b = batch_of(s, e);
    struct buf text;
    if (b == NULL)
        return;
    buf_init(&text, ENGINE_BYTES_MAX);
    const size_t bytes =
        json_text_write(&text, e->resource->document.data) ? text.len : ENGINE_BYTES_MAX;
    buf_finish(&text);
    if (b->documents.n == BATCH_DOCUMENTS ||
        (b->documents.n > 0 && b->bytes + bytes > BATCH_BYTES)) {
        hmap_remove(&s->filling, &b->node);
        b = add_batch(s, buf_str(&b->key), b->schema, b->collection);
    }
    vec_push(&b->documents, e);
    b->bytes += bytes;
}

struct change_schema *change_schema_collect(struct change_view *v,
                                            const struct change_entry *entries, size_t n)
{
    struct change_schema *s = mem_alloc(sizeof(*s));
    *s = (struct change_schema){.view = v};
    hmap_init(&s->filling);
    for (size_t i = 0; i < n; i++) {
        const struct change_entry *e = &entries[i];
        if (change_entry_is(e, CHANGE_PUT, MODEL_COLLECTION) &&
            has_schema(e->resource->collection.schema))
            (void)add_batch(s, e->key, e->resource->collection.schema, e);
    }
    for (size_t i = 0; i < n; i++)
        if (change_entry_is(&entries[i], CHANGE_PUT, MODEL_DOCUMENT))
            add_document(s, &entries[i]);
    if (s->batches.n > 0)
        return s;
    change_schema_destroy(s);
    return NULL;
}

void change_schema_destroy(struct change_schema *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->batches.n; i++) {
        struct batch *b = s->batches.v[i];
        json_decref(b->schema);
        vec_finish(&b->documents);
        buf_finish(&b->key);
        free(b);
    }
    vec_finish(&s->batches);
    hmap_finish(&s->filling);
    free(s);
}

static void add_problem(const struct change_schema *s, const struct batch *b, const json_t *problem)
{
    const struct str text = json_text_str(json_object_get(problem, "text"));
    const json_t *index = json_object_get(problem, "document");
    const size_t i = (size_t)json_integer_value(index);
    if (json_is_integer(index) && i < b->documents.n) {
        const struct change_entry *e = b->documents.v[i];
        change_check_problem(s->problems, e->path, "", "%s: %.*s", e->label.p, STR_ARG(text));
    } else if (b->collection != NULL) {
        change_check_problem(s->problems, b->collection->path, "", "%s: %.*s",
                             b->collection->label.p, STR_ARG(text));
    } else { /* a stored one, which passed once */
        const struct change_entry *e = b->documents.v[0];
        change_check_problem(s->problems, e->path, "", "%s: the collection's %.*s", e->label.p,
                             STR_ARG(text));
    }
}

static void next(struct change_schema *s);

static void on_validated(void *user, const json_t *problems, const struct err *error)
{
    struct change_schema *s = user;
    const struct batch *b = s->batches.v[s->at];
    for (size_t i = 0; i < json_array_size(problems); i++)
        add_problem(s, b, json_array_get(problems, i));
    s->at++;
    if (error != NULL || s->at == s->batches.n)
        s->done(s->user, error);
    else
        next(s);
}

static void next(struct change_schema *s)
{
    const struct batch *b = s->batches.v[s->at];
    const struct change_entry *named = b->collection != NULL ? b->collection : b->documents.v[0];
    json_t *documents = json_array();
    for (size_t i = 0; i < b->documents.n; i++)
        (void)json_array_append(documents, b->documents.v[i]->resource->document.data);
    s->host->validate(s->host->user, named->label.p, b->schema, documents, on_validated, s);
    json_decref(documents);
}

void change_schema_run(struct change_schema *s, const struct change_host *host,
                       struct model_problems *problems,
                       void (*done)(void *user, const struct err *error), void *user)
{
    s->host = host;
    s->problems = problems;
    s->done = done;
    s->user = user;
    s->at = 0;
    next(s);
}
