/* The access log: one line per request, at its end. Nothing here runs, and no clock is asked, when it is off. */
#ifndef PROXY_PROXY_ACCESS_LOG_H
#define PROXY_PROXY_ACCESS_LOG_H

#include "base/now.h"
#include "proxy/proxy_request.h"

/* A moment in a request's life, for the differences between them; 0 when the log is off. */
static inline uint64_t proxy_access_log_now(const struct proxy_request *r)
{
    return r->proxy->options.access_log != NULL ? now_mono_ns() : 0;
}

/* A request begins. */
void proxy_access_log_begin(struct proxy_request *r);

/* It is over; what it holds is still held. */
void proxy_access_log_end(const struct proxy_request *r);

#endif
