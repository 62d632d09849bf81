#include "change/entry_apply.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "change/entry_value.h"
#include "codec/json.h"

/* 2^53: up to there every whole number is itself. */
static const double WHOLE_MAX = 9007199254740992.0;

/* Names the entry before what is wrong with it. */
static bool refuse(const struct entry_applying *a, enum err_code code, struct err *e,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static bool refuse(const struct entry_applying *a, enum err_code code, struct err *e,
                   const char *fmt, ...)
{
    char text[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)err_set(e, code, "storage key %.*s/%.*s%s", STR_ARG(a->ns), STR_ARG(a->key), text);
    return false;
}

static bool is_absent(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

bool entry_apply_check(const struct entries_request *q, struct err *e)
{
    if (!entry_value_key_check(q->key, e))
        return false;
    const char *problem = NULL;
    if (q->command == ENTRIES_PUT && is_absent(q->value))
        problem = "null cannot be stored";
    else if (json_text_nests_too_deep(q->value))
        problem = "nested too deep";
    if (problem != NULL)
        (void)err_set(e, ERR_INVALID, "storage key %.*s/%.*s: %s", STR_ARG(q->ns), STR_ARG(q->key),
                      problem);
    return problem == NULL;
}

static bool fits_limits(const struct entry_applying *a, size_t json_len, struct err *e)
{
    const struct entries_options *o = a->limits;
    const int64_t bytes = a->bytes - a->stored_len + (int64_t)(a->key.len + json_len);
    const int64_t entries = a->entries + (a->stored_len == 0);
    if (json_len > o->value_max) {
        return refuse(a, ERR_TOO_LARGE, e,
                      ": the value has %zu bytes as JSON, more than %zu "
                      "(limits.storage_value_max)",
                      json_len, o->value_max);
    }
    if (entries > (int64_t)o->entries_max) {
        return refuse(a, ERR_TOO_LARGE, e,
                      ": the namespace has %lld entries already (limits.storage_entries)",
                      (long long)a->entries);
    }
    if (bytes > (int64_t)o->bytes_max && bytes > a->bytes) {
        return refuse(a, ERR_TOO_LARGE, e,
                      ": the namespace would pass %llu bytes (limits.storage_bytes)",
                      (unsigned long long)o->bytes_max);
    }
    return true;
}

/* Makes value the content, or refuses. */
static bool set_content(struct entry_applying *a, json_t *value, uint64_t expires_ms, struct err *e)
{
    struct buf text;
    buf_init(&text, ENGINE_BYTES_MAX);
    const bool written = json_text_write(&text, value);
    const size_t len = written ? text.len : ENGINE_BYTES_MAX;
    buf_finish(&text);
    if (!fits_limits(a, len, e))
        return false;
    json_incref(value);
    json_decref(a->content.value);
    a->content = (struct entry_content){value, expires_ms, len, true};
    return true;
}

static uint64_t expires_at(const struct entry_applying *a, uint64_t ttl_ms)
{
    return ttl_ms == 0 ? 0 : a->now_ms + ttl_ms;
}

static void clear_content(struct entry_applying *a)
{
    json_decref(a->content.value);
    a->content = (struct entry_content){.changed = true};
}

static json_t *put(struct entry_applying *a, const struct entries_request *q, struct err *e)
{
    return set_content(a, q->value, expires_at(a, q->ttl_ms), e) ? json_null() : NULL;
}

static json_t *compare(struct entry_applying *a, const struct entries_request *q, struct err *e)
{
    const json_t *had = a->content.value;
    const bool same =
        is_absent(q->expected) ? had == NULL : had != NULL && json_equal(had, q->expected);
    if (!same)
        return json_false();
    if (is_absent(q->value)) {
        if (had != NULL)
            clear_content(a);
        return json_true();
    }
    return set_content(a, q->value, expires_at(a, q->ttl_ms), e) ? json_true() : NULL;
}

static json_t *number(double n)
{
    const bool whole = n >= -WHOLE_MAX && n <= WHOLE_MAX && !(n > floor(n));
    return whole ? json_integer((json_int_t)n) : json_real(n);
}

static json_t *increment(struct entry_applying *a, const struct entries_request *q, struct err *e)
{
    const json_t *had = a->content.value;
    if (had != NULL && !json_is_number(had)) {
        (void)refuse(a, ERR_INVALID, e, " does not hold a number");
        return NULL;
    }
    const double sum = (had != NULL ? json_number_value(had) : 0) + q->by;
    json_t *value = isfinite(sum) ? number(sum) : NULL;
    if (value == NULL) {
        (void)refuse(a, ERR_INVALID, e, ": the sum is not a number");
        return NULL;
    }
    const uint64_t expires = had != NULL ? a->content.expires_ms : expires_at(a, q->ttl_ms);
    if (set_content(a, value, expires, e))
        return value;
    json_decref(value);
    return NULL;
}

json_t *entry_apply(struct entry_applying *a, const struct entries_request *q, struct err *e)
{
    const bool found = a->content.value != NULL;
    switch (q->command) {
    case ENTRIES_PUT:
        return put(a, q, e);
    case ENTRIES_DELETE:
        clear_content(a); /* also of one that expired and is still there */
        return json_boolean(found);
    case ENTRIES_COMPARE:
        return compare(a, q, e);
    case ENTRIES_INCREMENT:
        return increment(a, q, e);
    case ENTRIES_READ:
        break;
    }
    return found ? json_incref(a->content.value) : json_null();
}
