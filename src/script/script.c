#include "script/script.h"

#include <assert.h>

const char *script_function_name(enum script_function f)
{
    static const char *const names[SCRIPT_FUNCTION_COUNT] = {
        [SCRIPT_FETCH_UPSTREAM] = "fetchUpstream",
        [SCRIPT_REQUEST_MODIFIER] = "requestModifier",
        [SCRIPT_RESPONSE_MODIFIER] = "responseModifier",
        [SCRIPT_ERROR_HANDLER] = "errorHandler",
        [SCRIPT_REQUEST_HANDLER] = "requestHandler",
    };
    assert(f < SCRIPT_FUNCTION_COUNT);
    return names[f];
}

bool script_state_reads(enum script_state_op op)
{
    return op == SCRIPT_GET_COLLECTION || op == SCRIPT_GET_DOCUMENT || op == SCRIPT_GET_DOCUMENTS ||
           op == SCRIPT_GET_SECRET || op == SCRIPT_STORAGE_GET || op == SCRIPT_STORAGE_LIST;
}
