/* The frames of the compiler's socket, read and written by who may wait. */
#ifndef SCRIPT_COMPILER_FRAME_H
#define SCRIPT_COMPILER_FRAME_H

#include "base/buf.h"

/* Reads one frame into b, in the place of what it has. False at the end of the stream, or when the frame is
 * larger than b may be. */
bool compiler_frame_read(int fd, struct buf *b) __attribute__((warn_unused_result));

/* False when the other end is gone. */
bool compiler_frame_write(int fd, struct str s) __attribute__((warn_unused_result));

#endif
