/* Source files as modules: a file is the module of its path below a root folder ("lib/jwt.ts"), and what it imports by
 * a relative path is compiled with it. Each file is read and compiled once.
 */
#ifndef RUNTIME_SOURCES_H
#define RUNTIME_SOURCES_H

#include "base/vec.h"
#include "model/model.h"

struct compiler_link;
struct sources;

struct source {
    char *path;       /* absolute, normalised */
    char *name;       /* relative to the root: the module's name */
    char *text;       /* the source */
    size_t length;    /* of text */
    json_t *compiled; /* as in script/compiler.h; NULL until sources_load() */
};

struct source_list {
    VEC_OF(const struct source *);
};

/* root and the paths below are relative to the working folder, or absolute. source_max: bytes of one file. compiler
 * is borrowed. */
struct sources *sources_create(struct compiler_link *compiler, const char *root, size_t source_max);
void sources_destroy(struct sources *s);

/* Reads a file, which stays the set's. NULL with a problem when it cannot be read. */
const struct source *sources_read(struct sources *s, const char *path,
                                  struct model_problems *problems);

/* The file that an import of that name in from means: a relative path with or without .ts or .js, or a name below the
 * root, or in the folder of from. from is NULL: paths are relative to the root. NULL: none; built-in modules are none either. */
const struct source *sources_find(struct sources *s, const struct source *from, const char *name,
                                  struct model_problems *problems);

/* Compiles a file and, one after the other, what it imports; appends those that list does not have. False with
 * problems ("file.ts:3:7"), all those of a file. */
bool sources_load(struct sources *s, const struct source *file, struct source_list *list,
                  struct model_problems *problems);

/* The path relative to the working folder, in memory of s. */
const char *sources_show(const struct sources *s, const struct source *file);

/* A module of namespace "default" for a catalog, which takes it over. */
struct model_resource *sources_module(const struct source *file);

#endif
