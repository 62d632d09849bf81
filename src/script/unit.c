#include "script/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LINE = 1000, BURST_SECONDS = 5 };

/* What a module asks for (0: nothing), cut at the ceiling. */
static uint64_t within(const struct model_module *m, const char *what, int64_t asked,
                       uint64_t server, uint64_t ceiling)
{
    if (asked <= 0)
        return server;
    if ((uint64_t)asked <= ceiling)
        return (uint64_t)asked;
    log_warn("script",
             "module %s/%s: limits.%s is cut from %lld to %llu, the most that the server allows",
             m->ns != NULL ? m->ns : "", m->name, what, (long long)asked,
             (unsigned long long)ceiling);
    return ceiling;
}

static uint64_t cpu_ceiling(const struct script_limits *server, uint64_t times)
{
    const uint64_t ceiling = server->cpu_ms * times;
    const uint64_t most = server->cpu_ceiling_ms;
    if (most == 0 || ceiling <= most)
        return ceiling;
    return most > server->cpu_ms ? most : server->cpu_ms;
}

void unit_init(struct unit *u, const struct model_module *m, const struct script_limits *server,
               uint64_t now_ms)
{
    const struct model_module_limits *own = &m->limits;
    const uint64_t times = server->raise_max > 0 ? server->raise_max : 1;
    const struct script_limits *s = server;
    struct script_limits l = *server;
    l.cpu_ms = within(m, "cpu", (int64_t)model_ms(own->cpu_ns), s->cpu_ms, cpu_ceiling(s, times));
    l.wall_ms = within(m, "wall", (int64_t)model_ms(own->wall_ns), s->wall_ms, s->wall_ms * times);
    l.body_max = (size_t)within(m, "body", own->body, s->body_max, s->body_max * times);
    l.fetches = (uint32_t)within(m, "fetches", own->fetches, s->fetches, s->fetches * times);
    l.timers = (uint32_t)within(m, "timers", own->timers, s->timers, s->timers * times);
    l.log_rate = (uint32_t)within(m, "logRate", own->log_rate, s->log_rate, s->log_rate * times);
    *u = (struct unit){
        .name = mem_strdup(m->name),
        .name_len = strlen(m->name),
        .limits = l,
        .credit = (uint64_t)l.log_rate * BURST_SECONDS * LINE,
        .refilled_ms = now_ms,
    };
}

void unit_finish(struct unit *u)
{
    free(u->name);
}

bool unit_may_log(struct unit *u, uint64_t now_ms)
{
    const uint64_t most = (uint64_t)u->limits.log_rate * BURST_SECONDS * LINE;
    const uint64_t passed = now_ms - u->refilled_ms < BURST_SECONDS * LINE
                                ? now_ms - u->refilled_ms
                                : (uint64_t)BURST_SECONDS * LINE;
    u->credit += passed * u->limits.log_rate;
    if (u->credit > most)
        u->credit = most;
    u->refilled_ms = now_ms;
    if (u->credit < LINE) {
        u->dropped++;
        return false;
    }
    u->credit -= LINE;
    return true;
}

uint64_t unit_take_dropped(struct unit *u)
{
    const uint64_t n = u->dropped;
    u->dropped = 0;
    return n;
}
