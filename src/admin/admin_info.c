#include "admin/admin_info.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/admin_reply.h"
#include "admin/admin_request.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/metrics_text.h"
#include "store/store.h"

enum { NUMBER_SIZE = 24, METRICS_MAX = 4 * 1024 * 1024 };

static uint64_t meta_number(struct store_read *read, struct str key)
{
    struct str value = {0};
    return store_get(read, STORE_META, key, &value) ? store_u64_of(value) : 0;
}

/* Entries of the change log, the newest first. */
struct log_page {
    json_t *entries;
    size_t skip;
    size_t left;
};

static bool add_entry(void *user, struct str key, struct str value)
{
    struct log_page *page = user;
    struct err e = {0};
    if (page->skip > 0) {
        page->skip--;
        return true;
    }
    if (page->left == 0)
        return false;
    json_t *entry = json_text_parse(value, &e);
    if (entry == NULL) {
        log_error("admin", "change-log entry %" PRIu64 " cannot be read: %s", store_u64_of(key),
                  e.msg);
    } else {
        (void)json_array_append_new(page->entries, entry);
    }
    page->left--;
    return page->left > 0;
}

/* A new array of at most limit entries, without the offset newest. */
static json_t *log_entries(struct store_read *read, size_t offset, size_t limit)
{
    struct log_page page = {.entries = json_array(), .skip = offset, .left = limit};
    store_each_back(read, STORE_LOG, add_entry, &page);
    return page.entries;
}

void admin_info_root(struct admin_request *rq)
{
    char hash[NUMBER_SIZE];
    struct store_read *read = admin_request_read(rq);
    if (read == NULL)
        return;
    (void)snprintf(hash, sizeof(hash), "%" PRIu64, meta_number(read, STR("hash")));
    store_read_end(read);
    struct http_field v[] = {
        {STR("X-DGate-Version"), str_of(rq->admin->version), HTTP_FIELD_OTHER},
        {STR("X-DGate-ChangeHash"), str_of(hash), HTTP_FIELD_OTHER},
        {STR("X-DGate-WatchOnly"), STR("false"), HTTP_FIELD_OTHER},
    };
    struct http_fields extra = {.v = v, .n = 3, .cap = 3};
    exchange_respond(rq->x, 200, &extra, STR("text/plain; charset=utf-8"), STR("DGate Admin API"));
}

void admin_info_healthz(struct admin_request *rq)
{
    admin_reply_json(rq, 200, NULL,
                     json_pack("{s:s, s:s}", "status", "ok", "version", rq->admin->version));
}

void admin_info_health(struct admin_request *rq)
{
    admin_reply_json(rq, 200, NULL, json_pack("{s:s}", "status", "healthy"));
}

void admin_info_readyz(struct admin_request *rq)
{
    const struct admin_options *o = &rq->admin->options;
    bool ready = o->ready(o->user);
    admin_reply_json(rq, ready ? 200 : 503, NULL,
                     json_pack("{s:s, s:b, s:s}", "status", ready ? "ok" : "not ready", "ready",
                               (int)ready, "version", rq->admin->version));
}

void admin_info_metrics(struct admin_request *rq)
{
    const struct admin_options *o = &rq->admin->options;
    if (o->metrics == NULL) {
        admin_reply_error(rq, 404, "there is nothing at /metrics: disable_metrics is set");
        return;
    }
    struct buf text;
    buf_init(&text, METRICS_MAX);
    if (o->metrics(o->user, &text))
        exchange_respond(rq->x, 200, NULL, STR(METRICS_TEXT_TYPE), buf_str(&text));
    else
        admin_reply_error(rq, 500, "the metrics need more than %d bytes", METRICS_MAX);
    buf_finish(&text);
}

/* As DGate 1 wrote it. */
static void to_base36(uint64_t n, char out[NUMBER_SIZE])
{
    char digits[NUMBER_SIZE];
    size_t len = 0;
    do {
        digits[len++] = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
        n /= 36;
    } while (n > 0);
    for (size_t i = 0; i < len; i++)
        out[i] = digits[len - 1 - i];
    out[len] = '\0';
}

void admin_info_changelog(struct admin_request *rq)
{
    char hash[NUMBER_SIZE];
    struct store_read *read = admin_request_read(rq);
    if (read == NULL)
        return;
    uint64_t revision = meta_number(read, STR("revision"));
    to_base36(meta_number(read, STR("hash")), hash);
    json_t *entries = log_entries(read, 0, 1);
    store_read_end(read);
    const json_t *entry = json_array_get(entries, 0);
    json_t *latest = json_text_string(json_text_str(json_object_get(entry, "id")));
    admin_reply_json(rq, 200, NULL,
                     json_pack("{s:I, s:s, s:o}", "count", (json_int_t)revision, "hash", hash,
                               "latest", latest));
    json_decref(entries);
}

void admin_info_changelog_list(struct admin_request *rq)
{
    struct admin_request_page page;
    struct store_read *read = admin_request_list(rq, &page);
    if (read == NULL)
        return;
    size_t count = store_count(read, STORE_LOG, STR(""));
    json_t *entries = log_entries(read, page.offset, page.limit);
    store_read_end(read);
    admin_reply_list(rq, entries, count);
}
