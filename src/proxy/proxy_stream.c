/* A module gives at most what the client had room for when it was last asked; then it is asked again from the loop, so
 * that one entry into JavaScript is over when that much was made. What it does not read it is not sent: credit is granted
 * for what it has room for.
 *
 * When the upstream breaks off while a module reads its body, the client's connection is aborted whatever the module makes
 * of it: a short body never looks complete.
 */
#include "proxy/proxy_stream.h"

#include <assert.h>

#include "base/log.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_modules.h"
#include "proxy/proxy_reply.h"
#include "proxy/proxy_upload.h"

static bool open_body(void *user, enum script_side side)
{
    struct proxy_request *r = user;
    if (side == SCRIPT_UPSTREAM_BODY) {
        r->flow.feeds_upstream = r->step == PROXY_REVISE || r->step == PROXY_REVISED;
        return r->flow.feeds_upstream;
    }
    /* With a service the body is the upstream's. */
    r->flow.feeds_request =
        r->service == NULL &&
        (r->step == PROXY_HANDLE || r->step == PROXY_HANDLED || r->step == PROXY_STREAM);
    return r->flow.feeds_request;
}

static void want(void *user, enum script_side side, size_t room)
{
    struct proxy_request *r = user;
    if (r->step == PROXY_CLOSED)
        return;
    if (side == SCRIPT_REQUEST_BODY) {
        r->upload.open = true;
        if (r->upload.ended)
            proxy_stream_request_end(r);
        else
            proxy_upload_grant(r, room);
    } else if (r->attempt.up != NULL && !r->attempt.ended) {
        proxy_reply_grant(r, room);
    } else if (r->attempt.ended || r->attempt.failed) {
        const bool failed = r->attempt.failed;
        proxy_stream_upstream_end(r, failed ? exchange_reset_text(r->attempt.why.code) : NULL);
    }
}

static void cancel(void *user, enum script_side side)
{
    struct proxy_request *r = user;
    if (side == SCRIPT_REQUEST_BODY)
        return; /* what still comes within the credit is dropped */
    r->flow.feeds_upstream = false;
    proxy_attempt_drop(r);
}

/* Runs the step when JavaScript has returned. */
static void wake(struct proxy_request *r)
{
    if (!r->running)
        loop_schedule(r->proxy->loop, &r->wake);
}

static void write_piece(void *user, struct str data)
{
    struct proxy_request *r = user;
    struct proxy_flow *f = &r->flow;
    if (r->step != PROXY_STREAM)
        return;
    f->left -= data.len < f->left ? data.len : f->left;
    exchange_send_data(r->down, data);
    if (f->left == 0)
        wake(r);
}

static void finish(void *user, const char *error)
{
    struct proxy_request *r = user;
    r->flow.finished = true;
    r->flow.failed = error != NULL;
    if (error != NULL && r->step != PROXY_CLOSED) {
        r->proxy->stats.module_errors++;
        if (!proxy_error_tell(r, str_of(error))) {
            log_warn("proxy",
                     "request %.*s: aborted: the body from a module of route %s broke off: %s",
                     STR_ARG(r->id), r->route->model->name, error);
        }
    }
    if (r->step == PROXY_STREAM)
        wake(r);
}

const struct script_flow proxy_stream_flow = {
    .open = open_body,
    .want = want,
    .cancel = cancel,
    .write = write_piece,
    .finish = finish,
};

void proxy_stream_request_data(struct proxy_request *r, struct str data)
{
    if (proxy_modules_run(r) != NULL)
        script_run_feed(proxy_modules_run(r), SCRIPT_REQUEST_BODY, data);
}

void proxy_stream_request_end(struct proxy_request *r)
{
    if (r->flow.feeds_request && proxy_modules_run(r) != NULL)
        script_run_feed_end(proxy_modules_run(r), SCRIPT_REQUEST_BODY, NULL);
}

void proxy_stream_upstream_data(struct proxy_request *r, struct str data)
{
    if (proxy_modules_run(r) != NULL)
        script_run_feed(proxy_modules_run(r), SCRIPT_UPSTREAM_BODY, data);
}

void proxy_stream_upstream_end(struct proxy_request *r, const char *error)
{
    if (r->flow.feeds_upstream && proxy_modules_run(r) != NULL)
        script_run_feed_end(proxy_modules_run(r), SCRIPT_UPSTREAM_BODY, error);
}

static enum proxy_turn break_off(struct proxy_request *r)
{
    const struct proxy_attempt *a = &r->attempt;
    if (!a->failed)
        return proxy_request_abort(r, EXCHANGE_CANCELED);
    r->proxy->stats.upstream_errors++;
    log_warn("proxy", "request %.*s: upstream %.*s broke off: %s", STR_ARG(r->id),
             STR_ARG(a->url->text), exchange_reset_text(a->why.code));
    return proxy_request_abort(r, a->why.code);
}

enum proxy_turn proxy_stream_pull(struct proxy_request *r)
{
    struct proxy_flow *f = &r->flow;
    if (f->failed || (f->feeds_upstream && r->attempt.failed))
        return break_off(r);
    if (f->finished) {
        proxy_modules_end(r);
        exchange_send_end(r->down, NULL);
        return proxy_request_go(r, PROXY_CLOSED);
    }
    const size_t room = exchange_room(r->down);
    if (f->left > 0 || room == 0)
        return PROXY_PARKED;
    f->left = room;
    script_run_pull(proxy_modules_run(r), room);
    if (f->finished)
        return PROXY_AGAIN;
    if (f->left == 0)
        loop_schedule(r->proxy->loop, &r->wake);
    return PROXY_PARKED;
}
