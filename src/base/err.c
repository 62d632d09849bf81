#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const char *const TEXTS[] = {
#define X(name, status, text) [ERR_##name] = (text),
    ERR_CODES(X)
#undef X
};

static const int STATUSES[] = {
#define X(name, status, text) [ERR_##name] = (status),
    ERR_CODES(X)
#undef X
};

/* Formatted text before it is cut to size; a little larger, so that the cut sees the whole character. */
struct text {
    char bytes[ERR_MESSAGE_MAX + 4];
};

static struct str format(struct text *t, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static struct str format(struct text *t, const char *fmt, va_list args)
{
    int n = vsnprintf(t->bytes, sizeof(t->bytes), fmt, args);
    if (n < 0)
        return (struct str){"", 0};
    size_t len = (size_t)n < sizeof(t->bytes) ? (size_t)n : sizeof(t->bytes) - 1;
    return (struct str){t->bytes, len};
}

/* Puts s at msg[at], cut so that it and the NUL fit. */
static void put_msg(struct err *e, size_t at, struct str s)
{
    s = utf8_cut(s, sizeof(e->msg) - 1 - at);
    memcpy(e->msg + at, s.p, s.len);
    e->msg[at + s.len] = '\0';
}

enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (e == NULL)
        return code;
    struct text t; /* not e->msg: an argument may point there */
    va_list args;
    va_start(args, fmt);
    struct str msg = format(&t, fmt, args);
    va_end(args);
    e->code = code;
    put_msg(e, 0, msg);
    return code;
}

void err_context(struct err *e, const char *fmt, ...)
{
    struct text t;
    va_list args;
    va_start(args, fmt);
    struct str context = format(&t, fmt, args);
    va_end(args);
    if (context.len + 2 >= sizeof(e->msg))
        return; /* the message says more than a context without it */
    struct err inner = *e;
    put_msg(e, 0, context);
    put_msg(e, context.len, STR(": "));
    put_msg(e, context.len + 2, str_of(inner.msg));
}

const char *err_text(enum err_code code)
{
    return TEXTS[code];
}

int err_http_status(enum err_code code)
{
    return STATUSES[code];
}

enum err_code err_from_errno(int error)
{
    switch (error) {
    case 0:
        return ERR_OK;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECANCELED:
        return ERR_CANCELED;
    default:
        return ERR_IO;
    }
}
