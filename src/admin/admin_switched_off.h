/* The routes whose modules this node has switched off (node/node_switches.h). */
#ifndef ADMIN_ADMIN_SWITCHED_OFF_H
#define ADMIN_ADMIN_SWITCHED_OFF_H

struct admin_request;

/* All of them, or those of the namespace that the query names. */
void admin_switched_off_list(struct admin_request *rq);

/* One: 404 when it is not switched off. */
void admin_switched_off_get(struct admin_request *rq);

/* Switches one on again: 404 when it is not switched off. */
void admin_switched_off_delete(struct admin_request *rq);

#endif
