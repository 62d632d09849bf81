/* What the modules of a process take from the configuration. */
#ifndef SERVER_SCRIPT_SETUP_H
#define SERVER_SCRIPT_SETUP_H

#include "config/config.h"
#include "script/script.h"

/* The limits of modules that have none of their own. */
struct script_limits script_setup_limits(const struct config_limits *l);

#endif
