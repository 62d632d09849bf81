/* Routes, services and namespaces as modules see them: JSON, durations in nanoseconds. */
#ifndef SCRIPT_RESOURCE_TEXT_H
#define SCRIPT_RESOURCE_TEXT_H

#include "base/buf.h"
#include "model/model.h"

enum { RESOURCE_TEXT_MAX = 1024 * 1024 };

/* Append one object, or null for NULL. False past b's maximum. */
bool resource_text_route(struct buf *b, const struct model_route *r)
    __attribute__((warn_unused_result));
bool resource_text_service(struct buf *b, const struct model_service *s)
    __attribute__((warn_unused_result));
bool resource_text_namespace(struct buf *b, const char *name) __attribute__((warn_unused_result));

#endif
