/* Listening sockets: binding them, and accepting from them on a loop. Who binds and who accepts may be different
 * processes, and several may accept from one socket.
 */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct listener;
struct loop;
struct sockaddr;

struct listener_address {
    struct str host; /* IPv4 or IPv6 address, "localhost"; "" and "*": all of both families */
    uint16_t port;
    struct str path; /* a Unix socket; else empty. An abandoned one is replaced. */
    bool reuseport;  /* several sockets share the port, the kernel spreads connections over them */
};

enum { LISTENER_BACKLOG = 4096 };

/* Binds and listens; *ret is non-blocking, close-on-exec, with TCP_NODELAY for what it accepts. The error
 * names the address: "0.0.0.0:80: address already in use". */
enum err_code listener_bind(const struct listener_address *address, int *ret, struct err *e)
    __attribute__((warn_unused_result));

/* A new connection: fd (non-blocking, close-on-exec) is the callee's; peer is valid during the call. */
typedef void (*listener_fn)(void *user, int fd, const struct sockaddr *peer);

/* An acceptor on fd, which stays the caller's and must be closed after the listener. It accepts nothing until
 * listener_start(). At most burst connections are accepted in a turn of the loop. */
struct listener *listener_create(struct loop *loop, int fd, uint32_t burst, listener_fn on_accept,
                                 void *user);

/* Starts or stops accepting; both may be repeated. */
void listener_start(struct listener *l);
void listener_stop(struct listener *l);
bool listener_is_started(const struct listener *l);

/* Accepts at once all that is waiting, and stops: before the socket is closed for good. */
void listener_drain(struct listener *l);

/* Stops at once; l may be NULL. */
void listener_destroy(struct listener *l);

#endif
