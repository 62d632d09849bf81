#include "server/script_setup.h"

struct script_limits script_setup_limits(const struct config_limits *l)
{
    return (struct script_limits){
        .cpu_ms = (uint64_t)l->module_cpu_ms,
        .wall_ms = (uint64_t)l->module_wall_ms,
        .idle_ms = (uint64_t)l->module_idle_ms,
        .heap_bytes = (uint64_t)l->module_heap_mb * 1024 * 1024,
        .body_max = (size_t)l->module_body_max,
        .fetches = (uint32_t)l->module_fetches,
        .timers = (uint32_t)l->module_timers,
        .log_rate = (uint32_t)l->module_log_rate,
        .raise_max = (uint32_t)l->module_raise_max,
        .cpu_ceiling_ms = (uint64_t)l->hang_cpu_ms * 2 / 3,
        .stops_max = (uint32_t)l->module_stops_max,
        .stops_window_ms = (uint64_t)l->module_stops_window_ms,
    };
}
