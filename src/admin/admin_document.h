/* Documents: addressed by namespace, collection and id; those of private collections are not shown. */
#ifndef ADMIN_ADMIN_DOCUMENT_H
#define ADMIN_ADMIN_DOCUMENT_H

struct admin_request;

void admin_document_list(struct admin_request *rq);
void admin_document_get(struct admin_request *rq);

/* The body is the document's data. */
void admin_document_put_data(struct admin_request *rq);

/* The body is the document, or as much of it as the path leaves out. */
void admin_document_put(struct admin_request *rq);

/* One document, or without an id all of the collection. */
void admin_document_delete(struct admin_request *rq);

#endif
