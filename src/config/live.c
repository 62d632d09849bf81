#include "config/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/mem.h"
#include "config/reader.h"

static const char *const RESTART[] = {
    "workers",
    "storage.type",
    "storage.dir",
    "proxy.host",
    "proxy.port",
    "admin.enabled",
    "admin.host",
    "admin.port",
    "test_server",
    "test_server.host",
    "test_server.port",
    "limits.store_map_mb",
    "limits.node_rate_buckets",
    "limits.node_counts",
    "limits.node_upstreams",
    "limits.node_switches",
};

bool live_needs_restart(const struct keys_key *k)
{
    for (size_t i = 0; i < ARRAY_LEN(RESTART); i++) {
        if (strcmp(k->path, RESTART[i]) == 0)
            return true;
    }
    return false;
}

/* The map that holds the last name of path; NULL when there is none. */
static json_t *map_of(json_t *tree, const char *path)
{
    const char *last = keys_last_name(path);
    json_t *map = tree;
    while (map != NULL && path < last) {
        size_t len = strcspn(path, ".");
        map = json_object_getn(map, path, len);
        path += len + 1;
    }
    return map;
}

static json_t *value_at(json_t *tree, const char *path)
{
    return json_object_get(map_of(tree, path), keys_last_name(path));
}

static char *text_of(const json_t *value)
{
    if (value == NULL)
        return mem_strdup("absent");
    if (json_is_object(value))
        return mem_strdup("present");
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* Of a map only its presence counts: its keys are looked at one by one. */
static bool same(const json_t *a, const json_t *b)
{
    if (json_is_object(a) || json_is_object(b))
        return json_is_object(a) == json_is_object(b);
    return json_equal(a, b) || (a == NULL && b == NULL);
}

static void keep_one(json_t *running, json_t *wanted, const char *path, struct live_kept_list *kept)
{
    json_t *have = value_at(running, path);
    json_t *want = value_at(wanted, path);
    json_t *map = map_of(wanted, path);
    if (same(have, want) || map == NULL)
        return;
    struct live_kept k = {.path = path, .running = text_of(have), .wanted = text_of(want)};
    vec_push(kept, k);
    if (have == NULL)
        (void)json_object_del(map, keys_last_name(path));
    else
        (void)json_object_set(map, keys_last_name(path), have);
}

enum err_code live_merge(const struct config *running, const struct config *wanted,
                         struct config **ret, struct live_kept_list *kept, struct err *e)
{
    json_t *have = config_to_json(running);
    json_t *want = config_to_json(wanted);
    for (size_t i = 0; i < ARRAY_LEN(RESTART); i++)
        keep_one(json_object_get(have, "keys"), json_object_get(want, "keys"), RESTART[i], kept);
    enum err_code rc = config_from_json(want, ret, e);
    if (rc != ERR_OK)
        err_context(e, "with what needs a restart as it is now");
    json_decref(have);
    json_decref(want);
    return rc;
}

void live_kept_finish(struct live_kept_list *kept)
{
    for (size_t i = 0; i < kept->n; i++) {
        free(kept->v[i].running);
        free(kept->v[i].wanted);
    }
    vec_finish(kept);
}

bool live_equal(const struct config *a, const struct config *b)
{
    json_t *x = reader_write(a);
    json_t *y = reader_write(b);
    bool equal = json_equal(x, y) != 0;
    json_decref(x);
    json_decref(y);
    return equal;
}
