#include "change/change_log.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "codec/json.h"

enum { TIME_DIGITS = 13, RANDOM_DIGITS = 10 };

/* Writes n in base 36 with exactly that many digits. */
static void put_base36(char *out, size_t digits, uint64_t n)
{
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
        n /= 36;
    }
}

void change_log_new_id(char out[CHANGE_LOG_ID_SIZE])
{
    static_assert(TIME_DIGITS + RANDOM_DIGITS < CHANGE_LOG_ID_SIZE, "an id must fit");
    static uint64_t last;
    struct timespec now;
    uint64_t random = 0;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    last = ns > last ? ns : last + 1;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort();
    put_base36(out, TIME_DIGITS, last);
    put_base36(out + TIME_DIGITS, RANDOM_DIGITS, random);
    out[TIME_DIGITS + RANDOM_DIGITS] = '\0';
}

static void set_str(json_t *object, const char *key, struct str value)
{
    (void)json_object_set_new(object, key, json_text_string(value));
}

static void add_item(json_t *object, const struct change_entry *e, enum change_log_detail detail)
{
    char cmd[32];
    const char *kind = model_kind_name(e->ref.kind);
    bool put = e->command == CHANGE_PUT;
    (void)snprintf(cmd, sizeof(cmd), "%s_%s", put ? "add" : "delete", kind);
    set_str(object, "command", put ? STR("put") : STR("delete"));
    set_str(object, "cmd", str_of(cmd));
    set_str(object, "resource", str_of(kind));
    set_str(object, "namespace", e->ref.kind == MODEL_NAMESPACE ? e->ref.name : e->ref.ns);
    if (e->ref.kind == MODEL_DOCUMENT)
        set_str(object, "collection", e->ref.collection);
    set_str(object, "name", e->ref.name);
    if (detail == CHANGE_LOG_FULL && e->before != NULL)
        (void)json_object_set_new(object, "before", model_encode(e->before, MODEL_TO_LOG));
    if (detail != CHANGE_LOG_BRIEF && e->resource != NULL)
        (void)json_object_set_new(object, "after", model_encode(e->resource, MODEL_TO_LOG));
}

bool change_log_write(struct buf *out, const struct change_log_head *head,
                      const struct change_entry *entries, size_t n, enum change_log_detail detail)
{
    assert(n > 0);
    json_t *object = json_object();
    set_str(object, "id", str_of(head->id));
    set_str(object, "time", str_of(head->time));
    set_str(object, "author", head->author);
    set_str(object, "source", head->source);
    if (n == 1) {
        add_item(object, entries, detail);
    } else {
        json_t *items = json_array();
        set_str(object, "command", STR("apply"));
        for (size_t i = 0; i < n; i++) {
            json_t *item = json_object();
            add_item(item, &entries[i], detail);
            (void)json_array_append_new(items, item);
        }
        (void)json_object_set_new(object, "items", items);
    }
    if (detail == CHANGE_LOG_AFTER)
        (void)json_object_set_new(object, "omitted", json_pack("[s]", "before"));
    if (detail == CHANGE_LOG_BRIEF)
        (void)json_object_set_new(object, "omitted", json_pack("[s, s]", "before", "after"));
    bool fits = json_text_write(out, object);
    json_decref(object);
    return fits;
}
