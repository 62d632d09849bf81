#include "proxy/catalog_slot.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/model.h"
#include "proxy/catalog_service.h"

struct catalog_slot *catalog_slot_find(const struct hmap *m, struct str name)
{
    struct hmap_node *n = hmap_get(m, name);
    return n != NULL ? container_of(n, struct catalog_slot, node) : NULL;
}

struct catalog_slot *catalog_slot_get(struct hmap *m, struct str name)
{
    struct catalog_slot *s = catalog_slot_find(m, name);
    if (s != NULL)
        return s;
    s = mem_alloc(sizeof(*s));
    s->name = mem_dup(name.p, name.len);
    ilist_init(&s->uses);
    hmap_add(m, &s->node, (struct str){s->name, name.len});
    return s;
}

static void drop_if_empty(struct hmap *m, struct catalog_slot *s)
{
    if (!ilist_empty(&s->uses) || s->service != NULL || s->module != NULL)
        return;
    hmap_remove(m, &s->node);
    free(s->name);
    free(s);
}

void catalog_slot_enter(struct catalog_use *u, struct catalog_slot *s, struct catalog_route *r)
{
    assert(u->slot == NULL);
    u->slot = s;
    u->route = r;
    ilist_push(&s->uses, &u->node);
}

void catalog_slot_leave(struct hmap *m, struct catalog_use *u)
{
    if (u->slot == NULL)
        return;
    ilist_remove(&u->node);
    drop_if_empty(m, u->slot);
    u->slot = NULL;
}

void catalog_slot_set_service(struct hmap *m, struct catalog_slot *s,
                              struct catalog_service *service)
{
    struct catalog_service *old = s->service;
    if (service != NULL && old != NULL)
        catalog_service_continue(service, old);
    s->service = service;
    catalog_service_unref(old);
    drop_if_empty(m, s);
}

void catalog_slot_set_module(struct hmap *m, struct catalog_slot *s, struct model_resource *module)
{
    model_destroy(s->module);
    s->module = module;
    drop_if_empty(m, s);
}
