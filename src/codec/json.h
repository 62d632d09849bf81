/* JSON text to jansson values and back, with limits and errors that tell where. */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* To be called once, before any JSON value is made: jansson's allocations abort when they fail, as those of base/mem.h do.
 * Else what does not fit into memory would just be missing in what is written. */
void json_text_init(void);

/* How deep values may nest that are to be stored: what is written around them (a change of the log, say) still fits
 * into what is parsed. */
enum { JSON_TEXT_NESTING_MAX = 2000 };

/* Parses one JSON value that fills all of text (RFC 8259; duplicate keys and NUL in strings
 * refused, depth at most 2048 as in jansson; integers that do not fit 64 bits are reals). Returns a new reference, or
 * NULL with e filled ("line 3 column 7: ..."). */
json_t *json_text_parse(struct str text, struct err *e) __attribute__((warn_unused_result));

/* Appends value in compact form, keys in insertion order. False past b's maximum. */
bool json_text_write(struct buf *b, const json_t *value) __attribute__((warn_unused_result));

/* Whether value nests deeper than JSON_TEXT_NESTING_MAX. */
bool json_text_nests_too_deep(const json_t *value);

/* The value's string as a str that lives as long as it; empty when it is not a string. */
struct str json_text_str(const json_t *value);

/* A new JSON string from bytes; bytes that are not UTF-8 become U+FFFD. */
json_t *json_text_string(struct str s) __attribute__((warn_unused_result));

#endif
