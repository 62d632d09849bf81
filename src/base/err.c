#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (e == NULL)
        return code;
    e->code = code;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(e->msg, sizeof(e->msg), fmt, args);
    va_end(args);
    return code;
}

void err_context(struct err *e, const char *fmt, ...)
{
    struct err inner = *e;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(e->msg, sizeof(e->msg), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n + 2 >= sizeof(e->msg)) {
        *e = inner;
        return;
    }
    size_t at = (size_t)n;
    e->msg[at++] = ':';
    e->msg[at++] = ' ';
    size_t len = strlen(inner.msg);
    size_t room = sizeof(e->msg) - 1 - at;
    if (len > room)
        len = room;
    memcpy(e->msg + at, inner.msg, len);
    e->msg[at + len] = '\0';
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
