/* Finding source files. */
#ifndef RUNTIME_SOURCE_FILES_H
#define RUNTIME_SOURCE_FILES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/vec.h"

struct source_files {
    VEC_OF(char *); /* owned */
};

/* Appends what path stands for: a file, or all NAME.test.ts and NAME.test.js (tests_only), or all NAME.ts and NAME.js but
 * for NAME.d.ts, below a folder, sorted, without those in node_modules and in folders whose name begins with a dot. */
enum err_code source_files_add(struct source_files *files, const char *path, bool tests_only,
                               struct err *e) __attribute__((warn_unused_result));
void source_files_finish(struct source_files *files);

#endif
