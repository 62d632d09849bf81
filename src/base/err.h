/* Expected failures: a code from one table, and a message that names the object.
 *
 * A function that can fail returns enum err_code (0 is success) or takes a struct err * that it fills
 * on failure only. Lower layers return an error and may put context before it; the layer that ends
 * the operation reports it once.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

/* code, HTTP status that an admin answer gives it, name */
#define ERR_CODES(X)                                                                               \
    X(OK, 200, "ok")                                                                               \
    X(INVALID, 400, "invalid input")                                                               \
    X(UNAUTHORIZED, 401, "unauthorized")                                                           \
    X(FORBIDDEN, 403, "forbidden")                                                                 \
    X(NOT_FOUND, 404, "not found")                                                                 \
    X(CONFLICT, 409, "conflict")                                                                   \
    X(TOO_LARGE, 413, "too large")                                                                 \
    X(INTERNAL, 500, "internal error")                                                             \
    X(IO, 500, "input or output failed")                                                           \
    X(UNAVAILABLE, 503, "unavailable")                                                             \
    X(TIMEOUT, 504, "timed out")                                                                   \
    X(UNKNOWN_OUTCOME, 503, "outcome unknown")                                                     \
    X(NO_SPACE, 507, "no space left")                                                              \
    X(CANCELED, 499, "canceled")

enum err_code {
#define X(name, status, text) ERR_##name,
    ERR_CODES(X)
#undef X
};

enum { ERR_MESSAGE_MAX = 512 };

struct err {
    enum err_code code;
    char msg[ERR_MESSAGE_MAX]; /* one sentence without a final stop; cut when longer */
};

/* Fills e, if it is not NULL, and returns code, so that "return err_set(e, ERR_INVALID, ...)" works. */
enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message. */
void err_context(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The code's short text and its HTTP status. */
const char *err_text(enum err_code code);
int err_http_status(enum err_code code);

/* The code for an errno value: ENOSPC and EDQUOT are NO_SPACE, ETIMEDOUT is TIMEOUT, others IO. */
enum err_code err_from_errno(int error);

#endif
