/* YAML documents as jansson values, so that JSON and YAML take one path, with the line of every key. */
#ifndef CODEC_YAML_H
#define CODEC_YAML_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* The lines of a parsed document: a path such as "proxy.init_resources.routes[0].name" to its line. */
struct yaml_lines;

/* Called for every plain or quoted scalar value (not keys) before it is typed; may replace the text:
 * returns true and sets *ret to a malloc()ed string that yaml takes over. Returning false with e->code set
 * ends the parse with that error. */
typedef bool (*yaml_scalar_fn)(void *user, const char *path, int line, struct str text, char **ret,
                               struct err *e);

/* Parses one YAML 1.1 document (JSON is a subset). Plain scalars are typed by the core schema (null, bool,
 * int, float, else string); a replaced scalar is typed as if it had been written plain, but never becomes a
 * map or list; quoted ones are strings. Anchors and aliases work, within a budget of nodes
 * (100,000) and depth (64). Duplicate keys, several documents and merge keys that are not maps are errors.
 * Returns a new reference (a JSON null for an empty document) and *lines for yaml_lines_destroy(), or NULL
 * with e filled ("line 3: ..."). */
json_t *yaml_parse(struct str text, yaml_scalar_fn on_scalar, void *user, struct yaml_lines **lines,
                   struct err *e) __attribute__((warn_unused_result));

/* The line where the value or key at path begins, 0 when unknown. */
int yaml_lines_get(const struct yaml_lines *lines, const char *path);
void yaml_lines_destroy(struct yaml_lines *lines);

#endif
