/* The response that modules make. */
#ifndef SCRIPT_HOST_BODY_H
#define SCRIPT_HOST_BODY_H

#include "script/script.h"

/* Sends the response, or more of its body: the first call decides the status. is_json sets the content type; else
 * a missing one is chosen by the body. False when body or headers are larger than their limits. */
bool host_body_answer(struct script_run *r, uint16_t status, bool is_json, struct str data)
    __attribute__((warn_unused_result));

#endif
