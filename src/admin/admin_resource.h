/* Lists, reads, writes and deletes of every kind of resource but documents. */
#ifndef ADMIN_ADMIN_RESOURCE_H
#define ADMIN_ADMIN_RESOURCE_H

struct admin_request;

void admin_resource_list(struct admin_request *rq);
void admin_resource_get(struct admin_request *rq);
void admin_resource_put(struct admin_request *rq);
void admin_resource_delete(struct admin_request *rq);

#endif
