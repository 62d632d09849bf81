#include "admin/admin_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin_request.h"
#include "base/log.h"
#include "codec/json.h"

enum { ANSWER_MAX = 256 * 1024 * 1024 };

void admin_reply_json(struct admin_request *rq, uint16_t status, const struct http_fields *extra,
                      json_t *json)
{
    struct buf b;
    buf_init(&b, ANSWER_MAX);
    if (rq->x == NULL) {
        json_decref(json);
        return;
    }
    if (json != NULL && json_text_write(&b, json)) {
        exchange_respond(rq->x, status, extra, STR("application/json"), buf_str(&b));
    } else {
        log_error("admin", "an answer is too large");
        exchange_respond(rq->x, 500, NULL, STR("application/json"),
                         STR("{\"error\":\"the answer is too large: ask for fewer at once\","
                             "\"status\":500,\"success\":false}"));
    }
    json_decref(json);
    buf_finish(&b);
}

void admin_reply_data(struct admin_request *rq, uint16_t status, json_t *data)
{
    admin_reply_json(
        rq, status, NULL,
        json_pack("{s:o, s:i, s:b}", "data", data, "status_code", (int)status, "success", 1));
}

void admin_reply_list(struct admin_request *rq, json_t *data, size_t count)
{
    admin_reply_json(rq, 200, NULL,
                     json_pack("{s:o, s:I, s:i, s:b}", "data", data, "count", (json_int_t)count,
                               "status_code", 200, "success", 1));
}

static json_t *error_object(uint16_t status, const char *text)
{
    return json_pack("{s:o, s:i, s:b}", "error", json_text_string(str_of(text)), "status",
                     (int)status, "success", 0);
}

void admin_reply_error(struct admin_request *rq, uint16_t status, const char *fmt, ...)
{
    char text[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    admin_reply_json(rq, status, NULL, error_object(status, text));
}

void admin_reply_err(struct admin_request *rq, const struct err *e)
{
    const char *text = e->msg[0] != '\0' ? e->msg : err_text(e->code);
    admin_reply_error(rq, (uint16_t)err_http_status(e->code), "%s", text);
}

static json_t *problems_array(const struct model_problems *problems)
{
    json_t *array = json_array();
    for (size_t i = 0; i < problems->n; i++) {
        json_t *path = json_text_string(str_of(problems->v[i].path));
        json_t *text = json_text_string(str_of(problems->v[i].text));
        (void)json_array_append_new(array, json_pack("{s:o, s:o}", "path", path, "error", text));
    }
    return array;
}

void admin_reply_problems(struct admin_request *rq, const struct model_problems *problems)
{
    const struct model_problem *first = &problems->v[0];
    struct buf b;
    buf_init(&b, ANSWER_MAX);
    bool ok = buf_addf(&b, "%s%s%s", first->path, first->path[0] != '\0' ? ": " : "", first->text);
    if (ok && problems->n > 1)
        ok = buf_addf(&b, " (and %zu more)", problems->n - 1);
    json_t *answer = error_object(400, ok ? buf_cstr(&b) : "invalid input");
    if (problems->n > 1 || first->path[0] != '\0')
        (void)json_object_set_new(answer, "errors", problems_array(problems));
    admin_reply_json(rq, 400, NULL, answer);
    buf_finish(&b);
}

static void reply_with_field(struct admin_request *rq, uint16_t status, struct http_field field,
                             const char *text)
{
    struct http_fields extra = {.v = &field, .n = field.value.len > 0 ? 1 : 0, .cap = 1};
    admin_reply_json(rq, status, &extra, error_object(status, text));
}

void admin_reply_unauthorized(struct admin_request *rq, struct str challenge)
{
    struct http_field field = {STR("WWW-Authenticate"), challenge, HTTP_FIELD_OTHER};
    reply_with_field(rq, 401, field, "unauthorized");
}

void admin_reply_method(struct admin_request *rq, struct str allow)
{
    struct http_field field = {STR("Allow"), allow, HTTP_FIELD_ALLOW};
    reply_with_field(rq, 405, field, "method not allowed");
}
