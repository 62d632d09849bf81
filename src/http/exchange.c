#include "http/exchange.h"

#include <assert.h>
#include <time.h>

#include "base/container.h"

void exchange_forget(struct exchange *x)
{
    static const struct exchange_events none;
    x->events = &none;
    x->user = NULL;
}

void exchange_grant(struct exchange *x, size_t n)
{
    assert(!x->done);
    if (x->reset_done || x->end_received || n == 0)
        return;
    x->impl->grant(x, n);
}

void exchange_send_info(struct exchange *x, const struct http_head *head)
{
    assert(!x->done);
    assert(head->status >= 100 && head->status <= 199 && head->status != 101);
    if (x->reset_done || x->head_sent)
        return;
    x->impl->send_info(x, head);
}

void exchange_send_head(struct exchange *x, const struct http_head *head)
{
    assert(!x->done && !x->head_sent);
    x->head_sent = true;
    if (!x->reset_done)
        x->impl->send_head(x, head);
}

void exchange_send_data(struct exchange *x, struct str data)
{
    assert(!x->done && x->head_sent && !x->end_sent);
    if (x->reset_done || data.len == 0)
        return;
    x->body_sent += data.len;
    x->impl->send_data(x, data);
}

void exchange_send_end(struct exchange *x, const struct http_fields *trailers)
{
    assert(!x->done && x->head_sent && !x->end_sent);
    x->end_sent = true;
    if (!x->reset_done)
        x->impl->send_end(x, trailers);
}

size_t exchange_room(const struct exchange *x)
{
    assert(!x->done);
    return x->reset_done ? 0 : x->impl->room(x);
}

void exchange_reset(struct exchange *x, enum exchange_reset_code code)
{
    assert(!x->done);
    if (x->reset_done)
        return;
    x->reset_done = true;
    x->impl->reset(x, code);
}

static const struct {
    const char *name;
    const char *text;
    uint16_t status;
} resets[] = {
#define X(name, text, status) [EXCHANGE_##name] = {#name, text, status},
    EXCHANGE_RESETS(X)
#undef X
};

const char *exchange_reset_name(enum exchange_reset_code code)
{
    assert((size_t)code < ARRAY_LEN(resets));
    return resets[code].name;
}

const char *exchange_reset_text(enum exchange_reset_code code)
{
    assert((size_t)code < ARRAY_LEN(resets));
    return resets[code].text;
}

uint16_t exchange_reset_status(enum exchange_reset_code code)
{
    assert((size_t)code < ARRAY_LEN(resets));
    return resets[code].status;
}

struct str exchange_date(void)
{
    static time_t made;
    static char text[40];
    static size_t len;
    const time_t now = time(NULL);
    if (now != made || len == 0) {
        struct tm tm;
        if (gmtime_r(&now, &tm) == NULL)
            return STR("Thu, 01 Jan 1970 00:00:00 GMT");
        len = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return (struct str){text, len};
}

void exchange_respond(struct exchange *x, uint16_t status, const struct http_fields *extra,
                      struct str content_type, struct str body)
{
    enum { FIELDS_MAX = 32 };
    struct http_field v[FIELDS_MAX];
    struct http_head head = {
        .status = status,
        .reason = http_head_reason(status),
        .content_length = (int64_t)body.len,
        .fields = {.v = v, .cap = FIELDS_MAX},
    };
    assert(extra == NULL || extra->n <= FIELDS_MAX - 2);
    if (x->head_sent || x->reset_done)
        return;

    bool dated = false;
    for (uint32_t i = 0; extra != NULL && i < extra->n; i++) {
        dated = dated || extra->v[i].id == HTTP_FIELD_DATE;
        v[head.fields.n++] = extra->v[i];
    }
    if (content_type.len > 0)
        v[head.fields.n++] =
            (struct http_field){STR("Content-Type"), content_type, HTTP_FIELD_CONTENT_TYPE};
    if (!dated)
        v[head.fields.n++] = (struct http_field){STR("Date"), exchange_date(), HTTP_FIELD_DATE};
    exchange_send_head(x, &head);
    exchange_send_data(x, body);
    exchange_send_end(x, NULL);
}
