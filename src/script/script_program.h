/* The insides of a program. */
#ifndef SCRIPT_SCRIPT_PROGRAM_H
#define SCRIPT_SCRIPT_PROGRAM_H

#include <JavaScriptCore/JavaScript.h>

#include "script/script.h"

struct realm;

struct script_program {
    unsigned refs;
    struct script_vm *vm;
    struct realm *realm;
    char *route;
    JSObjectRef object; /* the runtime library's Program; protected */
    uint32_t functions; /* a bit for each enum script_function */
    bool reads_request;
    bool reads_response;
};

#endif
