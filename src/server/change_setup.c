#include "server/change_setup.h"

enum { CONFLICT_RETRIES = 16 };

struct change_options change_setup_options(const struct config *c)
{
    const struct config_limits *l = &c->limits;
    return (struct change_options){
        .default_namespace = !c->disable_default_namespace,
        .conflict_retries = CONFLICT_RETRIES,
        .pending_max = (uint32_t)l->changes_pending,
        .source_max = (size_t)l->module_source_max,
        .compiled_max = (size_t)l->module_compiled_max,
        .document_max = (size_t)l->document_max,
        .schema_max = (size_t)l->schema_max,
    };
}

struct entries_options change_setup_entries(const struct config *c)
{
    const struct config_limits *l = &c->limits;
    return (struct entries_options){
        .default_namespace = !c->disable_default_namespace,
        .conflict_retries = CONFLICT_RETRIES,
        .pending_max = (uint32_t)l->changes_pending,
        .value_max = (size_t)l->storage_value_max,
        .entries_max = (uint64_t)l->storage_entries,
        .bytes_max = (uint64_t)l->storage_bytes,
    };
}

struct compile_pool_options change_setup_compilers(const struct config *c)
{
    const struct config_limits *l = &c->limits;
    return (struct compile_pool_options){
        .timeout_ms = (uint64_t)l->compile_timeout_ms,
        .timeout_key = "limits.compile_timeout_ms",
        .idle_ms = (uint64_t)l->compiler_idle_ms,
        .launch_fd = -1,
        .waiting_max = (uint32_t)l->changes_pending,
    };
}

struct compile_pool_options change_setup_validators(const struct config *c)
{
    struct compile_pool_options options = change_setup_compilers(c);
    options.timeout_ms = (uint64_t)c->limits.validate_timeout_ms;
    options.timeout_key = "limits.validate_timeout_ms";
    return options;
}
