/* What tests of the server side over real sockets share: a server that is made with options when the first client connects,
 * and the owners of its exchanges. handler, if any, is given each request.
 */
#ifndef UNIT_HTTP_SERVER_FIXTURE_H
#define UNIT_HTTP_SERVER_FIXTURE_H

#include "http/http_server.h"
#include "http/owner.h"

enum { OWNERS = 8 };

static struct http_server *server;
static struct http_server_options options;
static struct peer client;
static struct owner owners[OWNERS];
static int requests;
static struct buf seen; /* "METHOD target\n" of every request */
static void (*handler)(struct exchange *x);

static void on_request(void *user, struct exchange *x)
{
    assert_ptr_equal(user, &owners);
    assert_true(requests < OWNERS);
    assert_true(
        buf_addf(&seen, "%.*s %.*s\n", STR_ARG(x->request->method), STR_ARG(x->request->target)));
    struct owner *o = &owners[requests++];
    owner_take(o, x);
    if (handler != NULL)
        handler(x);
}

static void hello(struct exchange *x)
{
    exchange_respond(x, 200, NULL, STR("text/plain"), STR("hello"));
}

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    options = (struct http_server_options){
        .limits = {.line_max = 8192, .head_max = 65536, .fields_max = 100, .trailer_max = 16384},
        .header_timeout_ms = 60000,
        .idle_timeout_ms = 60000,
        .buffer = 65536,
        .request_memory = 1 << 20,
        .connections_max = 100,
        .drain_max = 65536,
        .half_close_probe_ms = 60000,
    };
    for (int i = 0; i < OWNERS; i++)
        owner_init(&owners[i]);
    requests = 0;
    buf_init(&seen, 1 << 20);
    handler = hello;
    server = NULL;
    client.fd = -1;
    return 0;
}

static int teardown(void **state)
{
    http_server_destroy(server);
    peer_finish(&client);
    buf_finish(&seen);
    for (int i = 0; i < OWNERS; i++) {
        assert_null(owners[i].x);
        owner_finish(&owners[i]);
    }
    return peer_loop_teardown(state);
}

static void connect_peer(struct peer *p)
{
    if (server == NULL)
        server = http_server_create(loop, &options, on_request, &owners);
    int fds[2];
    peer_pair(fds);
    peer_init(p, fds[0]);
    http_server_accept(server, fds[1], NULL);
}

#endif
