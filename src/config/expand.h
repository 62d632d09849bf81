/* ${NAME} and ${NAME:-default} in the values of a configuration file. */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "base/buf.h"
#include "base/err.h"

/* The value of an environment variable, or NULL. */
typedef const char *(*expand_lookup_fn)(void *user, const char *name);

/* Appends text to out with each ${NAME} replaced by the variable's value and each ${NAME:-default} by it,
 * or by the default when the variable is unset or empty. $${ stands for ${. What has an other form
 * ($NAME, ${A:b}) stays as it is. An unset variable without a default is an error, and so is more text
 * than out takes. */
enum err_code expand_text(struct str text, expand_lookup_fn lookup, void *user, struct buf *out,
                          struct err *e) __attribute__((warn_unused_result));

#endif
