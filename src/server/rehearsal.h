/* What a start would make of the configuration's resources, on a copy of the state: for --check. */
#ifndef SERVER_REHEARSAL_H
#define SERVER_REHEARSAL_H

#include "config/config.h"

/* Compiles and validates them as control would, and changes nothing. Problems are logged, all of them. False when the
 * start would be refused. A state that cannot be read is warned about and taken for an empty one. */
bool rehearsal_run(struct config *c);

#endif
