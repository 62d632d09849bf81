/* One module of a program: its name, its limits, and how much it may still log. */
#ifndef SCRIPT_UNIT_H
#define SCRIPT_UNIT_H

#include "script/script.h"

struct unit {
    char *name;
    size_t name_len;
    struct script_limits limits; /* the server's, changed by the module's own */
    uint64_t credit;             /* thousandths of lines that it may log */
    uint64_t refilled_ms;
    uint64_t dropped; /* lines, since this was told */
};

/* The limits of a module: what it asks for, within what the server allows. Logs what is not allowed. */
void unit_init(struct unit *u, const struct model_module *m, const struct script_limits *server,
               uint64_t now_ms);
void unit_finish(struct unit *u);

static inline struct str unit_name(const struct unit *u)
{
    return (struct str){u->name, u->name_len};
}

/* Takes one line of what it may log; false: it is to be dropped. */
bool unit_may_log(struct unit *u, uint64_t now_ms);

/* How many lines were dropped since this was last asked. */
uint64_t unit_take_dropped(struct unit *u);

#endif
