#include "server/storage_reads.h"

#include "change/entry_value.h"
#include "codec/json.h"
#include "script/script.h"
#include "server/page_args.h"

struct listing {
    struct buf *out;
    uint64_t now_ms;
    struct str after; /* the store's key; empty: from the start */
    uint64_t left;
    bool first;
    bool full; /* out is */
};

static bool too_large(struct err *e)
{
    (void)err_set(e, ERR_TOO_LARGE, SCRIPT_STATE_RESULT_TOO_LARGE);
    return false;
}

bool storage_reads_get(struct store_read *read, struct str ns, const json_t *args, uint64_t now_ms,
                       struct buf *out, struct err *e)
{
    const struct str key = json_text_str(json_object_get(args, "key"));
    struct buf whole;
    struct str value = {0};
    if (!entry_value_key_check(key, e))
        return false;
    buf_init(&whole, STORE_KEY_MAX);
    const bool found = entry_value_key(&whole, ns, key) &&
                       store_get(read, STORE_ENTRIES, buf_str(&whole), &value) &&
                       entry_value_lives(value, now_ms);
    const bool ok = buf_add(out, found ? entry_value_json(value) : STR("null"));
    buf_finish(&whole);
    return ok || too_large(e);
}

static bool add_entry(void *user, struct str key, struct str value)
{
    struct listing *l = user;
    if (!entry_value_lives(value, l->now_ms) || str_eq(key, l->after))
        return true;
    if (l->left == 0)
        return false;
    json_t *name = json_text_string(entry_value_key_name(key));
    l->full = !buf_add(l->out, l->first ? STR("{\"key\":") : STR(",{\"key\":")) ||
              !json_text_write(l->out, name) || !buf_add(l->out, STR(",\"value\":")) ||
              !buf_add(l->out, entry_value_json(value)) || !buf_add(l->out, STR("}"));
    json_decref(name);
    l->first = false;
    l->left--;
    return !l->full;
}

bool storage_reads_list(struct store_read *read, struct str ns, const json_t *args, uint64_t now_ms,
                        struct buf *out, struct err *e)
{
    const struct str after = json_text_str(json_object_get(args, "after"));
    struct listing l = {.out = out, .now_ms = now_ms, .first = true};
    struct buf prefix;
    struct buf from;
    if (!page_args_limit(args, &l.left, e))
        return false;
    buf_init(&prefix, STORE_KEY_MAX);
    buf_init(&from, STORE_KEY_MAX);
    l.full = !buf_add(out, STR("["));
    if (entry_value_key(&prefix, ns, json_text_str(json_object_get(args, "prefix"))) &&
        entry_value_key(&from, ns, after)) {
        l.after = after.len > 0 ? buf_str(&from) : STR("");
        if (l.left > 0)
            store_each(read, STORE_ENTRIES, buf_str(&prefix), l.after, add_entry, &l);
    }
    l.full = l.full || !buf_add(out, STR("]"));
    buf_finish(&from);
    buf_finish(&prefix);
    return !l.full || too_large(e);
}
