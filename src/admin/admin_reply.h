/* The answers of the admin API. Each ends the request's work; none has an effect when the client is gone. */
#ifndef ADMIN_ADMIN_REPLY_H
#define ADMIN_ADMIN_REPLY_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

struct admin_request;
struct http_fields;
struct model_problems;

/* {"data":...,"status_code":...,"success":true}; data is taken over. */
void admin_reply_data(struct admin_request *rq, uint16_t status, json_t *data);

/* The same with "count": how many there are in all. */
void admin_reply_list(struct admin_request *rq, json_t *data, size_t count);

/* A JSON object as it is; extra may be NULL. json is taken over. */
void admin_reply_json(struct admin_request *rq, uint16_t status, const struct http_fields *extra,
                      json_t *json);

/* {"error":...,"status":...,"success":false} */
void admin_reply_error(struct admin_request *rq, uint16_t status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void admin_reply_err(struct admin_request *rq, const struct err *e);

/* 400 with "errors" too: [{"path":...,"error":...}]. */
void admin_reply_problems(struct admin_request *rq, const struct model_problems *problems);

/* 401 and 405, with the field that belongs to them (challenge may be empty). */
void admin_reply_unauthorized(struct admin_request *rq, struct str challenge);
void admin_reply_method(struct admin_request *rq, struct str allow);

#endif
