#include "codec/http1_error.h"

#define X(name, status, text)                                                                      \
    const struct http1_error http1_error_##name = {"http1." #name, status, text};
HTTP1_ERRORS(X)
#undef X
