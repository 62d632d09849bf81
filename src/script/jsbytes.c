#include "script/jsbytes.h"

#include <stdlib.h>

#include "script/jsvalue.h"

bool jsbytes_open(struct jsbytes *b, JSContextRef ctx, JSValueRef v)
{
    b->copy = NULL;
    if (!JSValueIsString(ctx, v) && jsvalue_bytes(ctx, v, &b->s))
        return true;
    if (jsvalue_into(ctx, v, b->small, sizeof(b->small), &b->s))
        return true;
    b->copy = jsvalue_copy(ctx, v, &b->s.len);
    b->s.p = b->copy;
    return b->copy != NULL;
}

void jsbytes_close(struct jsbytes *b)
{
    free(b->copy);
    b->copy = NULL;
}
