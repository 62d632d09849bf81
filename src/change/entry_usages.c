#include "change/entry_usages.h"

#include <stdlib.h>

#include "base/mem.h"
#include "change/entry_value.h"

void entry_usages_init(struct entry_usages *u)
{
    hmap_init(&u->all);
}

static void remove_usage(struct entry_usages *u, struct entry_usage *one)
{
    hmap_remove(&u->all, &one->node);
    free(one->ns);
    free(one);
}

void entry_usages_clear(struct entry_usages *u)
{
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&u->all)) != NULL)
        remove_usage(u, container_of(n, struct entry_usage, node));
}

void entry_usages_finish(struct entry_usages *u)
{
    entry_usages_clear(u);
    hmap_finish(&u->all);
}

static bool count_entry(void *user, struct str key, struct str value)
{
    struct entry_usage *one = user;
    one->entries++;
    one->bytes += (int64_t)(entry_value_key_name(key).len + entry_value_json(value).len);
    return true;
}

struct entry_usage *entry_usages_get(struct entry_usages *u, struct store_read *read, struct str ns)
{
    struct hmap_node *n = hmap_get(&u->all, ns);
    if (n != NULL)
        return container_of(n, struct entry_usage, node);
    struct entry_usage *one = mem_alloc(sizeof(*one));
    struct buf prefix;
    buf_init(&prefix, STORE_KEY_MAX);
    *one = (struct entry_usage){.ns = mem_dup(ns.p, ns.len)};
    if (entry_value_key(&prefix, ns, STR("")))
        store_each(read, STORE_ENTRIES, buf_str(&prefix), STR(""), count_entry, one);
    buf_finish(&prefix);
    hmap_add(&u->all, &one->node, str_of(one->ns));
    return one;
}

void entry_usages_add(struct entry_usages *u, struct str ns, int64_t entries, int64_t bytes)
{
    struct hmap_node *n = hmap_get(&u->all, ns);
    if (n == NULL)
        return;
    struct entry_usage *one = container_of(n, struct entry_usage, node);
    one->entries += entries;
    one->bytes += bytes;
}

void entry_usages_forget(struct entry_usages *u, struct str ns)
{
    struct hmap_node *n = hmap_get(&u->all, ns);
    if (n != NULL)
        remove_usage(u, container_of(n, struct entry_usage, node));
}
