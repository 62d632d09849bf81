/* Whole files as text. */
#ifndef CONFIG_FILE_TEXT_H
#define CONFIG_FILE_TEXT_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the file's bytes to b. More than b takes is TOO_LARGE. The error does not name the path. */
enum err_code file_text_read(const char *path, struct buf *b, struct err *e)
    __attribute__((warn_unused_result));

#endif
