#include "script/script.h"

#include <assert.h>

const char *script_limit_name(enum script_limit limit)
{
    static const char *const names[SCRIPT_LIMIT_COUNT + 1] = {
#define X(symbol, name) [SCRIPT_LIMIT_##symbol] = #name,
        SCRIPT_LIMITS(X)
#undef X
            [SCRIPT_LIMIT_COUNT] = "",
    };
    assert(limit <= SCRIPT_LIMIT_COUNT);
    return names[limit];
}

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
