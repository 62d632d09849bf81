/* Structured log lines, on standard output as a rule: time, level, process, module, message, key=value pairs
 * (or one JSON object a line). The level is tested before anything is formatted. A line is written
 * with one write(), so lines of several processes never mix; what does not fit is cut and marked.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* Everything a process may set about its log. */
struct log_setup {
    enum log_level level;
    bool json;
    bool to_stderr;      /* instead of standard output */
    const char *process; /* "supervisor", "control", "worker-0"; borrowed for ever */
};

/* Sets the process-wide setup; until then: info, text, no process name. */
void log_configure(const struct log_setup *setup);

/* Whether a line of that level would be written. */
bool log_enabled(enum log_level level);

/* "debug", "info", "warn", "warning", "error" in any case (also "trace" for debug, "fatal", "panic"
 * and "dpanic" for error). False when it is none of them. */
bool log_level_parse(struct str text, enum log_level *ret) __attribute__((warn_unused_result));
const char *log_level_name(enum log_level level);

/* One line. module is the part of the program that speaks ("http", "store"). fmt gives the message,
 * in lower case and without a final stop. Control characters are escaped. */
void log_write(enum log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Same, followed by key=value pairs: fields is an array of count pairs. A message that is too long for the line, which
 * has at most 4096 bytes, is cut before they are. */
struct log_field {
    const char *key;
    struct str value;
};
void log_write_fields(enum log_level level, const char *module, struct str message,
                      const struct log_field *fields, size_t count);

#define log_debug(module, ...)                                                                     \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_write(LOG_DEBUG, (module), __VA_ARGS__);                                           \
    } while (0)
#define log_info(module, ...)  log_write(LOG_INFO, (module), __VA_ARGS__)
#define log_warn(module, ...)  log_write(LOG_WARN, (module), __VA_ARGS__)
#define log_error(module, ...) log_write(LOG_ERROR, (module), __VA_ARGS__)

#endif
