#include "server/storage_calls.h"

#include <math.h>

#include "codec/json.h"
#include "script/script.h"

enum { REPLY_MAX = ENGINE_BYTES_MAX };

/* Longer ones do not expire: some 30 years. */
static const double LONGEST_S = 1e9;

static void on_done(void *user, const json_t *result, const struct err *error)
{
    struct links_call *call = user;
    struct buf text;
    buf_init(&text, REPLY_MAX);
    if (error != NULL)
        links_reply(call, error->code, str_of(error->msg));
    else if (json_text_write(&text, result))
        links_reply(call, ERR_OK, buf_str(&text));
    else
        links_reply(call, ERR_TOO_LARGE, STR("the result is too large"));
    buf_finish(&text);
}

bool storage_calls_concern(uint64_t op)
{
    return op >= SCRIPT_STORAGE_READ && op <= SCRIPT_STORAGE_INCREMENT;
}

static enum entries_command command_of(uint64_t op)
{
    switch (op) {
    case SCRIPT_STORAGE_PUT:
        return ENTRIES_PUT;
    case SCRIPT_STORAGE_DELETE:
        return ENTRIES_DELETE;
    case SCRIPT_STORAGE_COMPARE:
        return ENTRIES_COMPARE;
    case SCRIPT_STORAGE_INCREMENT:
        return ENTRIES_INCREMENT;
    default:
        return ENTRIES_READ;
    }
}

/* The number under name, or fallback when there is none or null. */
static bool read_number(const json_t *args, const char *name, double fallback, double *ret,
                        struct err *e)
{
    const json_t *given = json_object_get(args, name);
    *ret = given == NULL || json_is_null(given) ? fallback : json_number_value(given);
    if (given == NULL || json_is_null(given) || json_is_number(given))
        return true;
    (void)err_set(e, ERR_INVALID, "%s must be a number", name);
    return false;
}

bool storage_calls_read(uint64_t op, struct str ns, const json_t *args, struct entries_request *q,
                        struct err *e)
{
    double ttl_s = 0;
    *q = (struct entries_request){.command = command_of(op), .ns = ns};
    q->key = json_text_str(json_object_get(args, "key"));
    q->value = json_object_get(args, "value");
    q->expected = json_object_get(args, "expected");
    if (!read_number(args, "by", 1, &q->by, e) || !read_number(args, "ttl", 0, &ttl_s, e))
        return false;
    if (ttl_s < 0) {
        (void)err_set(e, ERR_INVALID, "ttl must not be negative");
        return false;
    }
    q->ttl_ms = ttl_s < LONGEST_S ? (uint64_t)ceil(ttl_s * 1000) : 0;
    return true;
}

void storage_calls_run(struct entries *entries, struct links_call *call, uint64_t op, struct str ns,
                       struct str args)
{
    struct err e = {0};
    struct entries_request q;
    json_t *object = json_text_parse(args, &e);
    if (object != NULL && storage_calls_read(op, ns, object, &q, &e))
        entries_submit(entries, &q, on_done, call);
    else
        links_reply(call, e.code, str_of(e.msg));
    json_decref(object);
}
