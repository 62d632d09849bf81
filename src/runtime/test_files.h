/* Finding test files. */
#ifndef RUNTIME_TEST_FILES_H
#define RUNTIME_TEST_FILES_H

#include "base/err.h"
#include "base/vec.h"

struct test_files {
    VEC_OF(char *); /* owned */
};

/* Appends what path stands for: a file, or all NAME.test.ts and NAME.test.js below a folder, sorted, without those in node_modules
 * and in folders whose name begins with a dot. */
enum err_code test_files_add(struct test_files *files, const char *path, struct err *e)
    __attribute__((warn_unused_result));
void test_files_finish(struct test_files *files);

#endif
