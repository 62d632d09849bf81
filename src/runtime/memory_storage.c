#include "runtime/memory_storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "change/entry_apply.h"
#include "codec/json.h"
#include "server/page_args.h"
#include "server/storage_calls.h"

void memory_storage_init(struct memory_storage *s, const struct entries_options *limits)
{
    *s = (struct memory_storage){.limits = *limits};
}

static void free_entry(struct memory_storage *s, struct memory_storage_entry *entry)
{
    s->bytes -= (int64_t)(strlen(entry->key) + entry->json_len);
    json_decref(entry->value);
    free(entry->key);
}

void memory_storage_clear(struct memory_storage *s)
{
    for (size_t i = 0; i < s->entries.n; i++)
        free_entry(s, &s->entries.v[i]);
    s->entries.n = 0;
    s->expires_ms = 0;
}

void memory_storage_finish(struct memory_storage *s)
{
    memory_storage_clear(s);
    vec_finish(&s->entries);
}

/* Where the first entry is whose key is not before that one. */
static size_t position(const struct memory_storage *s, struct str key)
{
    size_t from = 0;
    size_t to = s->entries.n;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (str_cmp(str_of(s->entries.v[middle].key), key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool is_at(const struct memory_storage *s, size_t at, struct str key)
{
    return at < s->entries.n && str_eq(str_of(s->entries.v[at].key), key);
}

static void note_expiry(struct memory_storage *s, uint64_t expires_ms)
{
    if (expires_ms != 0 && (s->expires_ms == 0 || expires_ms < s->expires_ms))
        s->expires_ms = expires_ms;
}

/* Removes what has expired. */
static void sweep(struct memory_storage *s, uint64_t now_ms)
{
    if (s->expires_ms == 0 || s->expires_ms > now_ms)
        return;
    size_t kept = 0;
    s->expires_ms = 0;
    for (size_t i = 0; i < s->entries.n; i++) {
        struct memory_storage_entry *entry = &s->entries.v[i];
        if (entry->expires_ms != 0 && entry->expires_ms <= now_ms) {
            free_entry(s, entry);
            continue;
        }
        note_expiry(s, entry->expires_ms);
        s->entries.v[kept++] = *entry;
    }
    s->entries.n = kept;
}

static void insert(struct memory_storage *s, size_t at, struct str key)
{
    const struct memory_storage_entry entry = {.key = mem_dup(key.p, key.len)};
    vec_push(&s->entries, entry);
    struct memory_storage_entry *v = s->entries.v;
    memmove(v + at + 1, v + at, (s->entries.n - 1 - at) * sizeof(*v));
    v[at] = entry;
    s->bytes += (int64_t)key.len;
}

static void drop(struct memory_storage *s, size_t at)
{
    struct memory_storage_entry *v = s->entries.v;
    free_entry(s, &v[at]);
    s->entries.n--;
    memmove(v + at, v + at + 1, (s->entries.n - at) * sizeof(*v));
}

/* Makes the entry of that key what it is to be. */
static void store(struct memory_storage *s, size_t at, struct str key,
                  const struct entry_content *content)
{
    if (content->value == NULL) {
        if (is_at(s, at, key))
            drop(s, at);
        return;
    }
    if (!is_at(s, at, key))
        insert(s, at, key);
    struct memory_storage_entry *entry = &s->entries.v[at];
    s->bytes += (int64_t)content->json_len - (int64_t)entry->json_len;
    json_incref(content->value);
    json_decref(entry->value);
    entry->value = content->value;
    entry->json_len = content->json_len;
    entry->expires_ms = content->expires_ms;
    note_expiry(s, content->expires_ms);
}

static json_t *apply(struct memory_storage *s, const struct entries_request *q, uint64_t now_ms,
                     struct err *e)
{
    if (!entry_apply_check(q, e))
        return NULL;
    const size_t at = position(s, q->key);
    struct entry_applying a = {.ns = q->ns,
                               .key = q->key,
                               .limits = &s->limits,
                               .entries = (int64_t)s->entries.n,
                               .bytes = s->bytes,
                               .now_ms = now_ms};
    if (is_at(s, at, q->key)) {
        const struct memory_storage_entry *entry = &s->entries.v[at];
        a.stored_len = (int64_t)(q->key.len + entry->json_len);
        a.content.value = json_incref(entry->value);
        a.content.json_len = entry->json_len;
        a.content.expires_ms = entry->expires_ms;
    }
    json_t *result = entry_apply(&a, q, e);
    if (a.content.changed)
        store(s, at, q->key, &a.content);
    json_decref(a.content.value);
    return result;
}

static json_t *list(const struct memory_storage *s, const json_t *args, struct err *e)
{
    const struct str prefix = json_text_str(json_object_get(args, "prefix"));
    const struct str after = json_text_str(json_object_get(args, "after"));
    uint64_t limit = 0;
    if (!page_args_limit(args, &limit, e))
        return NULL;
    size_t at = position(s, str_cmp(prefix, after) < 0 ? after : prefix);
    if (is_at(s, at, after))
        at++;
    json_t *found = json_array();
    for (; at < s->entries.n && json_array_size(found) < (size_t)limit; at++) {
        const struct memory_storage_entry *entry = &s->entries.v[at];
        if (!str_starts(str_of(entry->key), prefix))
            break;
        (void)json_array_append_new(
            found, json_pack("{s:s, s:O}", "key", entry->key, "value", entry->value));
    }
    return found;
}

bool memory_storage_concerns(enum script_state_op op)
{
    return op >= SCRIPT_STORAGE_GET && op <= SCRIPT_STORAGE_INCREMENT;
}

json_t *memory_storage_run(struct memory_storage *s, enum script_state_op op, const json_t *args,
                           uint64_t now_ms, struct err *e)
{
    struct entries_request q;
    sweep(s, now_ms);
    if (op == SCRIPT_STORAGE_LIST)
        return list(s, args, e);
    if (!storage_calls_read(op, STR("default"), args, &q, e))
        return NULL;
    return apply(s, &q, now_ms, e);
}
