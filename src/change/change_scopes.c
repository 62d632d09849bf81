#include "change/change_scopes.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/loop.h"

struct change_scopes_lock {
    struct hmap_node node; /* by the scope's name */
    const struct change_scopes_user *owner;
};

struct change_scopes {
    struct loop *loop;
    struct hmap locks;
    struct ilist waiting;
    struct loop_task wake;
};

static struct str scope_of(const struct change_entry *e)
{
    if (e->ref.kind == MODEL_DOCUMENT)
        return e->key;
    return e->ref.kind == MODEL_NAMESPACE ? e->ref.name : e->ref.ns;
}

static const struct change_scopes_user *owner_of(const struct change_scopes *s, struct str scope)
{
    const struct hmap_node *n = hmap_get(&s->locks, scope);
    return n != NULL ? ((const struct change_scopes_lock *)(const void *)n)->owner : NULL;
}

static_assert(offsetof(struct change_scopes_lock, node) == 0, "owner_of() relies on it");

static bool try_enter(struct change_scopes *s, struct change_scopes_user *u)
{
    for (size_t i = 0; i < u->n; i++)
        if (owner_of(s, scope_of(&u->entries[i])) != NULL)
            return false;
    u->locks = mem_calloc(u->n > 0 ? u->n : 1, sizeof(u->locks[0]));
    for (size_t i = 0; i < u->n; i++) {
        struct str scope = scope_of(&u->entries[i]);
        if (owner_of(s, scope) == u)
            continue;
        struct change_scopes_lock *lock = &u->locks[u->lock_count++];
        lock->owner = u;
        hmap_add(&s->locks, &lock->node, scope);
    }
    return true;
}

static void on_wake(struct loop_task *t)
{
    struct change_scopes *s = container_of(t, struct change_scopes, wake);
    struct ilist entered;
    ilist_init(&entered);
    ilist_for_each_safe (n, next, &s->waiting) {
        if (!try_enter(s, container_of(n, struct change_scopes_user, waiting)))
            continue;
        ilist_remove(n);
        ilist_push(&entered, n);
    }
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&entered)) != NULL) {
        struct change_scopes_user *u = container_of(n, struct change_scopes_user, waiting);
        u->enter(u);
    }
}

struct change_scopes *change_scopes_create(struct loop *loop)
{
    struct change_scopes *s = mem_alloc(sizeof(*s));
    s->loop = loop;
    s->wake.run = on_wake;
    hmap_init(&s->locks);
    ilist_init(&s->waiting);
    return s;
}

void change_scopes_destroy(struct change_scopes *s)
{
    if (s == NULL)
        return;
    assert(s->locks.count == 0 && ilist_empty(&s->waiting));
    loop_unschedule(&s->wake);
    hmap_finish(&s->locks);
    free(s);
}

void change_scopes_enter(struct change_scopes *s, struct change_scopes_user *u)
{
    assert(u->locks == NULL && !ilist_linked(&u->waiting));
    if (try_enter(s, u))
        u->enter(u);
    else
        ilist_push(&s->waiting, &u->waiting);
}

void change_scopes_leave(struct change_scopes *s, struct change_scopes_user *u)
{
    ilist_remove(&u->waiting);
    if (u->locks == NULL)
        return;
    for (size_t i = 0; i < u->lock_count; i++)
        hmap_remove(&s->locks, &u->locks[i].node);
    free(u->locks);
    u->locks = NULL;
    u->lock_count = 0;
    if (!ilist_empty(&s->waiting))
        loop_schedule(s->loop, &s->wake);
}
