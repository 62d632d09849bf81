/* Answers with resources as the store has them. */
#ifndef ADMIN_ADMIN_STORED_H
#define ADMIN_ADMIN_STORED_H

#include "admin/admin_request.h"

/* The value at ref; false when there is none. */
bool admin_stored_find(struct store_read *read, const struct model_ref *ref, struct str *value)
    __attribute__((warn_unused_result));

/* The resource that a value is; NULL, and a line in the log, when it cannot be read. */
struct model_resource *admin_stored_decode(enum model_kind kind, struct str value)
    __attribute__((warn_unused_result));

/* 404 for ref, and 500 for what cannot be read. */
void admin_stored_reply_absent(struct admin_request *rq, const struct model_ref *ref);
void admin_stored_reply_unreadable(struct admin_request *rq, const struct model_ref *ref);

/* Answers with the resource at ref, or 404. */
void admin_stored_reply(struct admin_request *rq, struct store_read *read,
                        const struct model_ref *ref);

/* Answers with a page of what has keys that begin with prefix. It ends early when it becomes very large. */
void admin_stored_reply_list(struct admin_request *rq, struct store_read *read, struct str prefix,
                             const struct admin_request_page *page);

#endif
