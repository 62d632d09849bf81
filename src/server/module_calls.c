#include "server/module_calls.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/json.h"
#include "script/script.h"

struct pending {
    struct links_call *call;
    bool wants_stored;
};

static void reply_error(struct links_call *call, const struct err *e)
{
    links_reply(call, e->code, str_of(e->msg));
}

static void on_changed(void *user, const struct change_result *result)
{
    struct pending *p = user;
    if (result->error.code != ERR_OK) {
        const char *text = result->problems.n > 0 ? result->problems.v[0].text : result->error.msg;
        struct err e = {0};
        if (result->problems.n > 0 && result->problems.v[0].path[0] != '\0')
            (void)err_set(&e, result->error.code, "%s: %s", result->problems.v[0].path, text);
        else
            (void)err_set(&e, result->error.code, "%s", text);
        reply_error(p->call, &e);
    } else {
        struct buf text;
        buf_init(&text, SCRIPT_STATE_RESULT_MAX);
        bool ok = p->wants_stored && result->stored != NULL ? json_text_write(&text, result->stored)
                                                            : buf_add(&text, STR("null"));
        links_reply(p->call, ok ? ERR_OK : ERR_TOO_LARGE, buf_str(&text));
        buf_finish(&text);
    }
    free(p);
}

/* Modules write in their own namespace: what the object says of it must agree. */
static bool set_namespace(json_t *object, struct str ns, struct err *e)
{
    struct str given = json_text_str(json_object_get(object, "namespace"));
    if (given.len > 0 && !str_eq(given, ns)) {
        (void)err_set(e, ERR_FORBIDDEN,
                      "a module of namespace %.*s may not write to namespace %.*s", STR_ARG(ns),
                      STR_ARG(given));
        return false;
    }
    return json_object_set_new(object, "namespace", json_text_string(ns)) == 0;
}

static bool make_item(uint64_t op, struct str ns, json_t *args, struct change_item *item,
                      struct err *e)
{
    enum model_kind kind = op == SCRIPT_PUT_DOCUMENT || op == SCRIPT_DELETE_DOCUMENT
                               ? MODEL_DOCUMENT
                               : MODEL_COLLECTION;
    *item = (struct change_item){.path = ""};
    if (op == SCRIPT_DELETE_DOCUMENT || op == SCRIPT_DELETE_COLLECTION) {
        item->command = CHANGE_DELETE;
        item->ref.kind = kind;
        item->ref.ns = ns;
        item->ref.collection = json_text_str(json_object_get(args, "collection"));
        item->ref.name =
            json_text_str(json_object_get(args, kind == MODEL_DOCUMENT ? "id" : "name"));
        if (item->ref.name.len == 0)
            (void)err_set(e, ERR_INVALID, "%s is required", kind == MODEL_DOCUMENT ? "id" : "name");
        return item->ref.name.len > 0;
    }
    struct model_problems problems = {0};
    item->command = CHANGE_PUT;
    item->resource = model_decode(kind, args, MODEL_FROM_API, NULL, "", &problems);
    if (item->resource == NULL)
        (void)err_set(e, ERR_INVALID, "%s%s%s", problems.v[0].path,
                      problems.v[0].path[0] != '\0' ? ": " : "", problems.v[0].text);
    model_problems_finish(&problems);
    return item->resource != NULL;
}

void module_calls_run(struct change_sink *sink, struct links_call *call, uint64_t op, struct str ns,
                      struct str module, struct str args)
{
    struct err e = {0};
    json_t *object = json_text_parse(args, &e);
    struct change_item item = {0};
    if (op < SCRIPT_PUT_COLLECTION || op > SCRIPT_DELETE_DOCUMENT) {
        (void)err_set(&e, ERR_INVALID, "this is not a write");
        reply_error(call, &e);
        json_decref(object);
        return;
    }
    if (object != NULL && !json_is_object(object))
        (void)err_set(&e, ERR_INVALID, "an object is expected");
    if (!json_is_object(object) || !set_namespace(object, ns, &e) ||
        !make_item(op, ns, object, &item, &e)) {
        reply_error(call, &e);
        json_decref(object);
        return;
    }
    struct model_ref by = {.kind = MODEL_MODULE, .ns = ns, .name = module};
    char source[MODEL_LABEL_SIZE];
    model_ref_label(&by, source);
    struct pending *p = mem_alloc(sizeof(*p));
    p->call = call;
    p->wants_stored = item.command == CHANGE_PUT;
    struct change_request request = {.items = &item, .item_count = 1, .source = str_of(source)};
    change_submit(sink, &request, on_changed, p);
    json_decref(object);
}
