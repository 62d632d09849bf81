#include "admin/admin_stored.h"

#include "admin/admin_reply.h"
#include "base/log.h"
#include "store/store.h"

enum { PAGE_BYTES_MAX = 32 * 1024 * 1024 };

static enum store_table table_of(enum model_kind kind)
{
    return kind == MODEL_DOCUMENT ? STORE_DOCUMENTS : STORE_RESOURCES;
}

struct model_resource *admin_stored_decode(enum model_kind kind, struct str value)
{
    struct err e = {0};
    struct model_resource *r = model_decode_stored(kind, store_value_json(value), &e);
    if (r == NULL)
        log_error("admin", "a stored %s cannot be read: %s", model_kind_name(kind), e.msg);
    return r;
}

bool admin_stored_find(struct store_read *read, const struct model_ref *ref, struct str *value)
{
    struct buf key;
    buf_init(&key, STORE_KEY_MAX);
    bool found = ref->name.len > 0 && model_key(&key, ref) &&
                 store_get(read, table_of(ref->kind), buf_str(&key), value);
    buf_finish(&key);
    return found;
}

void admin_stored_reply_absent(struct admin_request *rq, const struct model_ref *ref)
{
    char label[MODEL_LABEL_SIZE];
    model_ref_label(ref, label);
    admin_reply_error(rq, 404, "%s: not found", label);
}

void admin_stored_reply_unreadable(struct admin_request *rq, const struct model_ref *ref)
{
    char label[MODEL_LABEL_SIZE];
    model_ref_label(ref, label);
    admin_reply_error(rq, 500, "%s: cannot be read, the log says why", label);
}

void admin_stored_reply(struct admin_request *rq, struct store_read *read,
                        const struct model_ref *ref)
{
    struct str value = {0};
    if (!admin_stored_find(read, ref, &value)) {
        admin_stored_reply_absent(rq, ref);
        return;
    }
    struct model_resource *r = admin_stored_decode(ref->kind, value);
    if (r != NULL)
        admin_reply_data(rq, 200, model_encode(r, MODEL_TO_API));
    else
        admin_stored_reply_unreadable(rq, ref);
    model_destroy(r);
}

struct listing {
    enum model_kind kind;
    const struct admin_request_page *page;
    uint64_t seen;
    size_t bytes;
    json_t *array;
};

static bool on_stored(void *user, struct str key, struct str value)
{
    struct listing *l = user;
    uint64_t index = l->seen++;
    (void)key;
    if (index < l->page->offset || index - l->page->offset >= l->page->limit)
        return true;
    if (l->bytes > 0 && value.len > PAGE_BYTES_MAX - l->bytes) {
        l->bytes = PAGE_BYTES_MAX;
        return true;
    }
    l->bytes += value.len;
    struct model_resource *r = admin_stored_decode(l->kind, value);
    if (r != NULL)
        (void)json_array_append_new(l->array, model_encode(r, MODEL_TO_API));
    model_destroy(r);
    return true;
}

void admin_stored_reply_list(struct admin_request *rq, struct store_read *read, struct str prefix,
                             const struct admin_request_page *page)
{
    struct listing l = {.kind = rq->kind, .page = page, .array = json_array()};
    store_each(read, table_of(rq->kind), prefix, STR(""), on_stored, &l);
    admin_reply_list(rq, l.array, (size_t)l.seen);
}
