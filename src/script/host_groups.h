/* The groups of host functions; each table ends with a NULL name. */
#ifndef SCRIPT_HOST_GROUPS_H
#define SCRIPT_HOST_GROUPS_H

#include "script/host.h"

extern const struct host_function host_call_functions[];
extern const struct host_function host_message_functions[];
extern const struct host_function host_fields_functions[];
extern const struct host_function host_body_functions[];
extern const struct host_function host_timer_functions[];
extern const struct host_function host_state_functions[];
extern const struct host_function host_cache_functions[];
extern const struct host_function host_fetch_functions[];
extern const struct host_function host_stream_functions[];
extern const struct host_function host_flow_functions[];
extern const struct host_function host_text_functions[];
extern const struct host_function host_encoding_functions[];
extern const struct host_function host_crypto_functions[];
extern const struct host_function host_subtle_functions[];

#endif
