/* What strings of the configuration may be. Each check returns 0, or INVALID with a sentence that follows
 * the key ("must be v1").
 */
#ifndef CONFIG_TEXT_CHECKS_H
#define CONFIG_TEXT_CHECKS_H

#include "base/err.h"
#include "base/str.h"

enum err_code text_checks_version(struct str text, struct err *e);

/* A tag, or the name of a query parameter: printable ASCII without spaces and commas. */
enum err_code text_checks_tag(struct str text, struct err *e);

/* A directory: not empty. */
enum err_code text_checks_dir(struct str text, struct err *e);

/* A user's name, password or key: not empty, no control characters. */
enum err_code text_checks_credential(struct str text, struct err *e);

/* The name and the value of a header field (RFC 9110 section 5). */
enum err_code text_checks_header_name(struct str text, struct err *e);
enum err_code text_checks_header_value(struct str text, struct err *e);

/* The name of an environment variable: letters, digits and "_", no digit first. */
enum err_code text_checks_variable(struct str text, struct err *e);

/* The name of a field that may be added to responses: none that frames the message or the connection. */
enum err_code text_checks_response_field(struct str text, struct err *e);

/* A pattern of hosts, as in domains, that compiles. */
enum err_code text_checks_host_pattern(struct str text, struct err *e);

#endif
