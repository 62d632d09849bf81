#include "cluster/engine.h"

#include <assert.h>

void engine_propose(struct engine *g, const struct engine_proposal *p, engine_done_fn done,
                    void *user)
{
    assert(done != NULL);
    g->impl->propose(g, p, done, user);
}

void engine_lookup(struct engine *g, struct str id, engine_done_fn done, void *user)
{
    assert(done != NULL);
    g->impl->lookup(g, id, done, user);
}

void engine_status_get(const struct engine *g, struct engine_status *ret)
{
    g->impl->status(g, ret);
}

void engine_close(struct engine *g, void (*closed)(void *user), void *user)
{
    assert(closed != NULL);
    g->impl->close(g, closed, user);
}

size_t engine_proposal_bytes(const struct engine_proposal *p)
{
    size_t n = p->id.len + p->log.len;
    for (size_t i = 0; i < p->op_count; i++)
        n += p->ops[i].key.len + p->ops[i].value.len;
    for (size_t i = 0; i < p->guard_count; i++)
        n += p->guards[i].key.len;
    return n;
}

/* Whether key names a whole range: "kind\0ns\0" or "document\0ns\0collection\0". */
static bool is_prefix(struct str key)
{
    size_t parts = 0;
    for (size_t i = 0; i < key.len; i++)
        parts += key.p[i] == '\0';
    return parts >= 2 && key.p[key.len - 1] == '\0';
}

static bool op_valid(const struct engine_op *op)
{
    if (op->key.len == 0 || op->key.len > STORE_KEY_MAX)
        return false;
    if (op->table == STORE_META)
        return op->type != ENGINE_DELETE_PREFIX && str_starts(op->key, STR("init\0"));
    if (op->table == STORE_LOG)
        return false;
    return is_prefix(op->key) == (op->type == ENGINE_DELETE_PREFIX);
}

static bool guard_valid(const struct engine_guard *g)
{
    if (g->key.len == 0 || g->key.len > STORE_KEY_MAX)
        return false;
    if (g->table == STORE_LOG || g->table == STORE_META ||
        (g->table == STORE_ENTRIES && g->type == ENGINE_GUARD_RANGE))
        return false;
    return is_prefix(g->key) == (g->type == ENGINE_GUARD_RANGE);
}

/* What people change is logged; what modules keep need not be. */
static bool log_valid(const struct engine_proposal *p)
{
    if (p->log.len > 0)
        return str_starts(p->log, STR("{")) && str_ends(p->log, STR("}"));
    for (size_t i = 0; i < p->op_count; i++)
        if (p->ops[i].table != STORE_ENTRIES)
            return false;
    return p->op_count > 0;
}

enum err_code engine_proposal_check(const struct engine_proposal *p, struct err *e)
{
    if (p->op_count > ENGINE_OPS_MAX)
        return err_set(e, ERR_TOO_LARGE, "the change has %zu operations, more than %d", p->op_count,
                       ENGINE_OPS_MAX);
    if (p->guard_count > ENGINE_GUARDS_MAX)
        return err_set(e, ERR_TOO_LARGE, "the change depends on %zu others, more than %d",
                       p->guard_count, ENGINE_GUARDS_MAX);
    size_t bytes = engine_proposal_bytes(p);
    if (bytes > ENGINE_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "the change has %zu bytes, more than %d", bytes,
                       ENGINE_BYTES_MAX);
    if (p->id.len == 0 || p->id.len > ENGINE_ID_MAX)
        return err_set(e, ERR_INVALID, "the change's id has %zu bytes, not 1 to %d", p->id.len,
                       ENGINE_ID_MAX);
    if (!log_valid(p))
        return err_set(e, ERR_INVALID, "the change-log entry is no JSON object");
    for (size_t i = 0; i < p->op_count; i++)
        if (!op_valid(&p->ops[i]))
            return err_set(e, ERR_INVALID, "operation %zu of the change has an unusable key", i);
    for (size_t i = 0; i < p->guard_count; i++)
        if (!guard_valid(&p->guards[i]))
            return err_set(e, ERR_INVALID, "guard %zu of the change has an unusable key", i);
    return ERR_OK;
}
