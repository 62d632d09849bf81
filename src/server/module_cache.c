#include "server/module_cache.h"

#include "base/now.h"
#include "node/node_cache.h"

enum { WHOLE_KEY_MAX = MODULE_CACHE_KEY_MAX + 256 };

/* Longer ones do not expire: some 30 years. */
static const double LONGEST_S = 1e9;

static uint64_t now_ns(const struct module_cache *c)
{
    return c->stopped_ns != 0 ? c->stopped_ns : now_mono_ns();
}

/* The key in the shared table: namespace, NUL, the module's. False when that is too long. */
static bool whole_key(struct str ns, struct str key, struct buf *out)
{
    buf_init(out, WHOLE_KEY_MAX);
    return key.len <= MODULE_CACHE_KEY_MAX && buf_add(out, ns) && buf_add(out, STR("\0")) &&
           buf_add(out, key);
}

static uint64_t hash_of(const struct module_cache *c, const struct buf *whole)
{
    return node_segment_key(c->node, 'c', buf_str(whole), STR(""));
}

bool module_cache_get(struct module_cache *c, struct str ns, struct str key, struct buf *out)
{
    struct buf whole;
    const bool found = whole_key(ns, key, &whole) &&
                       node_cache_get(node_segment_cache(c->node), hash_of(c, &whole),
                                      buf_str(&whole), now_ns(c), out) == NODE_CACHE_OK;
    buf_finish(&whole);
    return found;
}

bool module_cache_delete(struct module_cache *c, struct str ns, struct str key)
{
    struct buf whole;
    const bool found = whole_key(ns, key, &whole) &&
                       node_cache_delete(node_segment_cache(c->node), hash_of(c, &whole),
                                         buf_str(&whole)) == NODE_CACHE_OK;
    buf_finish(&whole);
    return found;
}

/* Room for one is shared by key and value. */
static size_t value_limit(const struct module_cache *c)
{
    const size_t item = node_cache_item_max(node_segment_cache(c->node)) - WHOLE_KEY_MAX;
    return c->value_max < item ? c->value_max : item;
}

static bool check(const struct module_cache *c, struct str key, struct str value, struct err *e)
{
    enum err_code code = ERR_OK;
    if (key.len > MODULE_CACHE_KEY_MAX) {
        code = err_set(e, ERR_TOO_LARGE, "the cache id has %zu bytes, more than %d", key.len,
                       MODULE_CACHE_KEY_MAX);
    } else if (value.len > value_limit(c)) {
        code = err_set(e, ERR_TOO_LARGE,
                       "the value of cache id %.*s has %zu bytes as JSON, more than %zu "
                       "(limits.cache_value_max, or what limits.cache_bytes has room for)",
                       STR_ARG(key), value.len, value_limit(c));
    }
    return code == ERR_OK;
}

bool module_cache_set(struct module_cache *c, struct str ns, struct str key, struct str value,
                      double ttl_s, struct err *e)
{
    struct buf whole;
    if (!check(c, key, value, e))
        return false;
    if (!whole_key(ns, key, &whole)) {
        (void)err_set(e, ERR_TOO_LARGE, "the cache id is too long");
        buf_finish(&whole);
        return false;
    }
    const bool expires = ttl_s >= 0 && ttl_s < LONGEST_S;
    const uint64_t until = expires ? now_ns(c) + (uint64_t)(ttl_s * 1e9) : 0;
    /* A shard that is busy for long counts as full. */
    (void)node_cache_set(node_segment_cache(c->node), hash_of(c, &whole), buf_str(&whole), value,
                         until);
    buf_finish(&whole);
    return true;
}
