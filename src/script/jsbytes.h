/* What a host function reads as bytes: a string's UTF-8, or the contents of an ArrayBuffer or a view of one. */
#ifndef SCRIPT_JSBYTES_H
#define SCRIPT_JSBYTES_H

#include <JavaScriptCore/JavaScript.h>

#include "base/str.h"

enum { JSBYTES_SMALL = 1024 };

struct jsbytes {
    struct str s; /* valid until jsbytes_close(), and while no JavaScript runs */
    char *copy;   /* owned; NULL when s is in the value or in small */
    char small[JSBYTES_SMALL];
};

/* False when the value has no string. jsbytes_close() may be called in either case. */
bool jsbytes_open(struct jsbytes *b, JSContextRef ctx, JSValueRef v)
    __attribute__((warn_unused_result));

void jsbytes_close(struct jsbytes *b);

#endif
