#include "runtime/memory_schema.h"

#include "codec/json.h"
#include "runtime/compiler_link.h"

static bool has_schema(const json_t *schema)
{
    return schema != NULL && !json_is_null(schema);
}

static bool refuse(const char *label, const char *what, struct str text, struct err *e)
{
    (void)err_set(e, ERR_INVALID, "%s: %s%.*s", label, what, STR_ARG(text));
    return false;
}

static bool fail(const char *label, const struct err *why, struct err *e)
{
    if (why->code == ERR_TIMEOUT) {
        (void)err_set(e, ERR_TIMEOUT,
                      "%s: validating it took too long (limits.validate_timeout_ms)", label);
    } else {
        (void)err_set(e, why->code, "%s: the schema cannot be applied: %s", label, why->msg);
    }
    return false;
}

/* The first problem decides, as for a module in a server. */
static bool judge(const json_t *answer, const char *label, bool is_document, struct err *e)
{
    const json_t *problem = json_array_get(json_object_get(answer, "problems"), 0);
    const struct str text = json_text_str(json_object_get(problem, "text"));
    if (!json_is_true(json_object_get(answer, "ok")))
        return refuse(label, "the schema cannot be applied: ", text, e);
    if (problem == NULL)
        return true;
    const bool of_schema = json_object_get(problem, "document") == NULL;
    return refuse(label, of_schema && is_document ? "the collection's " : "", text, e);
}

/* data is NULL: only the schema is looked at. */
static bool validate(const struct memory_schema *s, const struct model_ref *ref,
                     const json_t *schema, const json_t *data, struct err *e)
{
    char label[MODEL_LABEL_SIZE];
    struct err why = {.code = ERR_UNAVAILABLE, .msg = "there is no validator"};
    model_ref_label(ref, label);
    json_t *documents = json_array();
    if (data != NULL)
        (void)json_array_append_new(documents, json_deep_copy(data));
    json_t *question = json_pack("{s:b, s:i, s:o, s:o}", "validate", 1, "id", 1, "schema",
                                 json_deep_copy(schema), "documents", documents);
    json_t *answer = NULL;
    if (s->validator != NULL)
        answer = compiler_link_ask(s->validator, question, &why);
    else
        json_decref(question);
    const bool ok = answer != NULL ? judge(answer, label, data != NULL, e) : fail(label, &why, e);
    json_decref(answer);
    return ok;
}

bool memory_schema_allows(const struct memory_schema *s, const struct model_collection *c,
                          struct err *e)
{
    const struct model_ref ref = {
        .kind = MODEL_COLLECTION, .ns = str_of(c->ns), .name = str_of(c->name)};
    if (!has_schema(c->schema))
        return true;
    if (json_dumpb(c->schema, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) <= s->schema_max)
        return validate(s, &ref, c->schema, NULL, e);
    (void)err_set(e, ERR_INVALID, "schema: it has more than %zu bytes (limits.schema_max)",
                  s->schema_max);
    return false;
}

bool memory_schema_fits(const struct memory_schema *s, const json_t *schema,
                        const struct model_document *d, struct err *e)
{
    const struct model_ref ref = {.kind = MODEL_DOCUMENT,
                                  .ns = str_of(d->ns),
                                  .collection = str_of(d->collection),
                                  .name = str_of(d->id)};
    return !has_schema(schema) || validate(s, &ref, schema, d->data, e);
}
