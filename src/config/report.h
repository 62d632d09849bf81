/* Collects what is wrong with a configuration, each with its file, line and key. */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include "codec/yaml.h"
#include "config/config.h"

struct report {
    const char *file;               /* shown name; borrowed */
    const struct yaml_lines *lines; /* NULL while they are not known */
    int line;                       /* used instead then; 0: no line */
    struct model_problems problems;
    struct config_warnings warnings;
};

/* "config.dgate.yaml:12: proxy.prot": the place of a key; without a line of its own that of the nearest
 * key around it. The result is malloc()ed. */
char *report_place(const struct report *r, const char *path);

void report_problem(struct report *r, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct report *r, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the problems of a decoded resource, whose paths begin with the resource's own. */
void report_resource(struct report *r, const struct model_problems *problems);

/* INVALID, with the first problem and how many more there are; OK without problems. */
enum err_code report_summary(const struct report *r, struct err *e);

void report_finish(struct report *r);

#endif
