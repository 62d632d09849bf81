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
