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

struct str script_function_name(enum script_function f)
{
    switch (f) {
    case SCRIPT_FETCH_UPSTREAM:
        return STR("fetchUpstream");
    case SCRIPT_REQUEST_MODIFIER:
        return STR("requestModifier");
    case SCRIPT_RESPONSE_MODIFIER:
        return STR("responseModifier");
    case SCRIPT_ERROR_HANDLER:
        return STR("errorHandler");
    case SCRIPT_REQUEST_HANDLER:
        return STR("requestHandler");
    case SCRIPT_FUNCTION_COUNT:
    default:
        assert(false);
        return STR("");
    }
}

bool script_state_reads(enum script_state_op op)
{
    return op == SCRIPT_GET_COLLECTION || op == SCRIPT_GET_DOCUMENT || op == SCRIPT_GET_DOCUMENTS ||
           op == SCRIPT_GET_SECRET || op == SCRIPT_STORAGE_GET || op == SCRIPT_STORAGE_LIST;
}

enum script_limit script_limit_of_link(enum err_code rc)
{
    return rc == ERR_TIMEOUT     ? SCRIPT_LIMIT_CPU
           : rc == ERR_TOO_LARGE ? SCRIPT_LIMIT_HEAP
                                 : SCRIPT_LIMIT_COUNT;
}
