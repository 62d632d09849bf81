/* The exchange of a connection of h1_server.c: what its owner calls, and the state that both share. */
#ifndef HTTP_H1_SERVED_H
#define HTTP_H1_SERVED_H

#include "http/h1_body.h"
#include "http/http_server.h"

/* An error that was found inside a call of the owner, or in the client's bytes. */
struct h1_served_fault {
    enum exchange_reset_code code;
    const char *detail;
    uint16_t status; /* to answer if no head was sent; 0: none */
};

/* h1_server.c embeds it and reads and writes all members. */
struct h1_served {
    struct exchange x;
    struct h1_wire *wire; /* this and the next three are the connection's, borrowed */
    struct loop_task *task;
    const struct http_server_options *options;
    const bool *last; /* whether each response is the last of its connection */

    bool half_closed; /* the client ended its direction */
    bool keep_alive;
    bool expect;     /* 100 (Continue) is due with the first grant */
    bool body_ended; /* of the request */
    bool tunnel;
    bool duplex; /* the response began before the request had ended */
    bool want_room;
    bool head_written;
    bool faulty;
    struct h1_served_fault fault;
    size_t credit;
    struct http1_head head;
    struct http1_body body;
    struct h1_body_out out;
};

/* Prepares the exchange, before its head is read into s->head; then begins it. */
void h1_served_init(struct h1_served *s, size_t memory);
void h1_served_begin(struct h1_served *s);

/* Whether the owner has nothing more to say and it is on the wire. */
bool h1_served_is_complete(const struct h1_served *s);

/* Whether the connection can be kept for another request. */
bool h1_served_keeps(const struct h1_served *s);

/* Sends 100 (Continue). */
void h1_served_continue(struct h1_served *s);

#endif
