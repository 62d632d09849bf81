/* A tree of configuration values -> struct config, through the table of keys. */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "config/config.h"
#include "config/report.h"

/* Fills c, which is zeroed, with the values of tree and the defaults of the rest. What is wrong goes to r;
 * c is complete in any case. tree is a map, or null; it does not change. */
void reader_read(json_t *tree, struct config *c, struct report *r);

/* The reverse: a new tree that reader_read() makes the same configuration of. */
json_t *reader_write(const struct config *c);

#endif
