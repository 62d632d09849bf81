/* For implementations of exchange.h: hand events to the owner, keeping the public state right. The owner may do
 * anything to any exchange while an event runs; look at x->reset_done afterwards.
 */
#ifndef HTTP_EXCHANGE_IMPL_H
#define HTTP_EXCHANGE_IMPL_H

#include "http/exchange.h"

/* Prepares the public part for a new exchange; peer and secure are left to the caller. */
void exchange_impl_init(struct exchange *x, const struct exchange_impl *impl, size_t memory);

/* The events; none of them may come after a reset, but for done. */
void exchange_impl_info(struct exchange *x, const struct http_head *head);
void exchange_impl_head(struct exchange *x, const struct http_head *head);
void exchange_impl_data(struct exchange *x, struct str data);
void exchange_impl_end(struct exchange *x, const struct http_fields *trailers);
void exchange_impl_room(struct exchange *x);
void exchange_impl_reset(struct exchange *x, const struct exchange_reset *why);

/* The last event; releases the arena. */
void exchange_impl_done(struct exchange *x);

#endif
