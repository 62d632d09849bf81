/* YAML documents as jansson values, so that JSON and YAML take one path, with the line of every
 * key. */
#ifndef CODEC_YAML_H
#define CODEC_YAML_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* The lines of a parsed document: from a path such as "proxy.init_resources.routes[0].name". */
struct yaml_lines;

/* Called for every plain or quoted scalar value (not keys) before it is typed; may replace the
 * text: returns true and, to replace it, sets *ret (NULL before) to a malloc()ed string that yaml
 * takes over. Returning false with e filled ends the parse with that error. */
typedef bool (*yaml_scalar_fn)(void *user, const char *path, int line, struct str text, char **ret,
                               struct err *e);

/* Parses one YAML 1.1 document (JSON is a subset, but for "\uD83D\uDE00" surrogate pairs).
 * Plain scalars are typed by the core schema of YAML 1.2 (null, bool, int, float, else string; what
 * int64 or a finite double cannot hold is an error). A replaced plain scalar is typed as if it had
 * been written so, but never becomes a map or list; quoted and block scalars are strings, replaced
 * or not. on_scalar may be NULL.
 * Anchors, aliases and merge keys (a map or a list of maps) work, within a budget of nodes
 * (100,000) and depth (64). Keys are taken as text; keys that are no scalars, duplicate keys,
 * several documents, NUL characters and unknown tags are errors.
 * Returns a new reference (a JSON null for an empty document) and, if lines is not NULL, *lines for
 * yaml_lines_destroy(); or NULL with e filled ("line 3: ..."). */
json_t *yaml_parse(struct str text, yaml_scalar_fn on_scalar, void *user, struct yaml_lines **lines,
                   struct err *e) __attribute__((warn_unused_result));

/* The line where the value or key at path begins, 0 when unknown. */
int yaml_lines_get(const struct yaml_lines *lines, const char *path);
void yaml_lines_destroy(struct yaml_lines *lines);

#endif
