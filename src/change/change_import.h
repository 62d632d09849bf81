/* Whether the runtime will find what a module imports (js/runtime/program.ts has the same rules). Internal to
 * change/.
 */
#ifndef CHANGE_CHANGE_IMPORT_H
#define CHANGE_CHANGE_IMPORT_H

#include "model/model.h"

/* name as imported by module `from`: built in, or among modules. "./b" seen from "lib/a" is "lib/b"; ".js" or ".ts"
 * at the end may be left out of the module's name or of the import. *index is its place in modules, modules->n when it
 * is built in; untouched when it is not found. */
bool change_import_find(const char *from, const char *name, const struct model_strings *modules,
                        size_t *index);

#endif
