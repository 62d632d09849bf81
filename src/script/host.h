/* The functions that the runtime library calls (js/runtime/host.ts). Each group is a file host_*.c with a table. */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include <JavaScriptCore/JavaScript.h>

#include "script/script_run.h"

struct host_function {
    const char *name;
    JSObjectCallAsFunctionCallback call;
};

/* A new object with all of them. */
JSObjectRef host_object(JSContextRef ctx);

/* The run whose handle is the first argument. NULL, with *exception set, when that request is over. */
struct script_run *host_run(JSContextRef ctx, size_t argc, const JSValueRef argv[],
                            JSValueRef *exception);

/* Argument i as a number; 0 when there is none. */
double host_number(JSContextRef ctx, size_t argc, const JSValueRef argv[], size_t i);

/* Whether argument i is true (not: whether it would pass for it, for which the engine takes its lock). */
bool host_flag(JSContextRef ctx, size_t argc, const JSValueRef argv[], size_t i);

/* Argument i, or undefined. */
JSValueRef host_argument(JSContextRef ctx, size_t argc, const JSValueRef argv[], size_t i);

#endif
