/* Routes whose modules this node has switched off (node/node_switches.h). */
#ifndef PROXY_PROXY_SWITCH_H
#define PROXY_PROXY_SWITCH_H

#include "proxy/proxy_request.h"

/* Refuses a request whose route is switched off, with 503 and the reason. False: it is not, nothing was done. */
bool proxy_switch_refuse(struct proxy_request *r, enum proxy_turn *turn);

#endif
