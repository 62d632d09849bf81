/* Lines to a file or to standard output, written at the end of a turn of the loop. It never waits for whoever reads them:
 * what a slow reader has no room for is kept up to a maximum, and then dropped and counted.
 *
 * A line of at most PIPE_BUF bytes is never mixed with those of other processes that write to the same place.
 */
#ifndef IO_LINE_WRITER_H
#define IO_LINE_WRITER_H

#include "base/err.h"
#include "base/str.h"

struct line_writer;
struct loop;

struct line_writer_options {
    const char *name; /* of the lines, for messages: "access log"; borrowed */
    const char
        *path; /* opened for appending, made when it is missing; NULL or "": standard output */
    size_t buffer_max; /* bytes that wait */
};

/* Whether line_writer_open() would succeed; the file is made. On failure e names it. */
enum err_code line_writer_try(const struct line_writer_options *options, struct err *e)
    __attribute__((warn_unused_result));

/* On failure e names the file. */
enum err_code line_writer_open(struct loop *loop, const struct line_writer_options *options,
                               struct line_writer **ret, struct err *e)
    __attribute__((warn_unused_result));

/* Adds a line, which ends with a newline. False: it was dropped. */
bool line_writer_add(struct line_writer *w, struct str line);

/* Writes what waits to the open file, then opens the path anew: after somebody renamed it. On failure the
 * old one stays. No effect on standard output. */
enum err_code line_writer_reopen(struct line_writer *w, struct err *e)
    __attribute__((warn_unused_result));

/* Lines dropped so far. */
uint64_t line_writer_dropped(const struct line_writer *w);

/* Gives the reader a moment to take what waits, then frees w, which may be NULL. */
void line_writer_destroy(struct line_writer *w);

#endif
