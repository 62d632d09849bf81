/* Reading the configuration with everything that can be judged without the state. */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include "config/config.h"

/* Finds the file (flag as in config_find()), loads it, and has its host patterns judged by their compiler and its access
 * log opened. *ret is the caller's. On failure all problems are in problems, or, when there is none, e says what. */
enum err_code config_file_load(const char *flag, struct config **ret,
                               struct config_warnings *warnings, struct model_problems *problems,
                               struct err *e) __attribute__((warn_unused_result));

#endif
