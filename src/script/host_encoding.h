/* Bytes as text: what digests, base64 and hexadecimal come to. */
#ifndef SCRIPT_HOST_ENCODING_H
#define SCRIPT_HOST_ENCODING_H

#include <JavaScriptCore/JavaScript.h>

#include "base/str.h"

/* js/runtime/host.ts: enum Encoding. */
enum host_encoding {
    HOST_ENCODING_BYTES, /* an ArrayBuffer */
    HOST_ENCODING_HEX,
    HOST_ENCODING_BASE64,
    HOST_ENCODING_BASE64_RAW, /* raw: without padding */
    HOST_ENCODING_BASE64_URL,
    HOST_ENCODING_BASE64_RAW_URL,
};

/* s in that form. Undefined, with *exception set, when it is too long. */
JSValueRef host_encoding_value(JSContextRef ctx, struct str s, enum host_encoding form,
                               JSValueRef *exception);

#endif
