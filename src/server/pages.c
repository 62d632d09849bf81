#include "server/pages.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/shm.h"

/* Differs from that of a program that counts something else. */
enum { LAYOUT_VERSION = 2 };
static const uint32_t layout = ((uint32_t)LAYOUT_VERSION << 24) + sizeof(struct pages_worker);

static size_t size_of(uint32_t slots)
{
    return sizeof(struct pages) + slots * sizeof(struct pages_worker);
}

static enum err_code not_ours(int fd, struct err *e)
{
    return err_set(e, ERR_INVALID, "descriptor %d does not hold pages of this version", fd);
}

enum err_code pages_make(uint32_t slots, int *fd, struct pages **ret, struct err *e)
{
    struct pages head = {.layout = layout, .slots = slots};
    enum err_code rc = shm_make("dgate-pages", size_of(slots), fd, e);
    if (rc != ERR_OK)
        return rc;
    if (pwrite(*fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return err_set(e, ERR_IO, "cannot write the pages: %s", strerror(errno));
    return pages_map(*fd, slots, ret, e);
}

enum err_code pages_map(int fd, uint32_t slots, struct pages **ret, struct err *e)
{
    struct stat st = {0};
    if (fstat(fd, &st) != 0)
        return err_set(e, ERR_IO, "descriptor %d: %s", fd, strerror(errno));
    if ((size_t)st.st_size != size_of(slots))
        return not_ours(fd, e);
    struct pages *p = shm_map(fd, size_of(slots), e);
    if (p == NULL)
        return ERR_IO;
    if (p->layout != layout || p->slots != slots) {
        shm_unmap(p, size_of(slots));
        return not_ours(fd, e);
    }
    *ret = p;
    return ERR_OK;
}

void pages_unmap(struct pages *p)
{
    if (p != NULL)
        shm_unmap(p, size_of(p->slots));
}

/* Appends as much of part as fits. */
static size_t append(char *out, size_t size, size_t at, struct str part)
{
    const size_t n = part.len < size - 1 - at ? part.len : size - 1 - at;
    if (n > 0)
        memcpy(out + at, part.p, n);
    out[at + n] = '\0';
    return at + n;
}

/* The usual: a worker runs the same again and again. */
static bool is_same(const struct pages_running *r, const struct script_place *what)
{
    return r->program == what->program && str_eq(str_of(r->module), what->module) &&
           str_eq(str_of(r->function), what->function);
}

void pages_running_set(struct pages_worker *w, const struct script_place *what)
{
    if (what == NULL || what->route.len == 0) {
        atomic_store_explicit(&w->runs, 0, memory_order_release);
        return;
    }
    struct pages_running *r = &w->running;
    const uint64_t before = atomic_load_explicit(&w->running_seq, memory_order_relaxed);
    if ((before & 1) == 0 && is_same(r, what)) {
        atomic_store_explicit(&w->runs, 1, memory_order_release);
        return;
    }
    /* It is odd already when whoever had the page before was killed here. */
    const uint64_t seq = before | 1;
    atomic_store_explicit(&w->running_seq, seq, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    size_t at = append(r->route, sizeof(r->route), 0, what->ns);
    at = append(r->route, sizeof(r->route), at, STR("/"));
    (void)append(r->route, sizeof(r->route), at, what->route);
    (void)append(r->module, sizeof(r->module), 0, what->module);
    (void)append(r->function, sizeof(r->function), 0, what->function);
    r->program = what->program;
    atomic_store_explicit(&w->running_seq, seq + 1, memory_order_release);
    atomic_store_explicit(&w->runs, 1, memory_order_release);
}

void pages_running_get(const struct pages_worker *w, struct pages_running *ret)
{
    *ret = (struct pages_running){0};
    if (atomic_load_explicit(&w->runs, memory_order_acquire) == 0)
        return;
    const uint64_t seq = atomic_load_explicit(&w->running_seq, memory_order_acquire);
    struct pages_running copy = w->running;
    atomic_thread_fence(memory_order_acquire);
    if ((seq & 1) == 0 && seq == atomic_load_explicit(&w->running_seq, memory_order_relaxed))
        *ret = copy;
    ret->runs = true;
    ret->route[sizeof(ret->route) - 1] = '\0';
    ret->module[sizeof(ret->module) - 1] = '\0';
    ret->function[sizeof(ret->function) - 1] = '\0';
}

/* Both control and the worker itself ask for this: the later revision wins. */
void pages_require(struct pages_worker *w, uint64_t revision)
{
    uint64_t now = atomic_load(&w->required);
    while (now < revision && !atomic_compare_exchange_weak(&w->required, &now, revision))
        ;
}

bool pages_served(const struct pages *p, uint32_t socket, uint64_t now_ns, uint64_t late_ns)
{
    for (uint32_t i = 0; i < p->slots; i++) {
        const struct pages_worker *w = &p->worker[i];
        if (atomic_load_explicit(&w->serves, memory_order_acquire) == (uint64_t)socket + 1 &&
            pages_alive(w, now_ns, late_ns))
            return true;
    }
    return false;
}

bool pages_alive(const struct pages_worker *w, uint64_t now_ns, uint64_t late_ns)
{
    uint64_t beat = atomic_load_explicit(&w->heartbeat_ns, memory_order_acquire);
    return beat != 0 && (beat > now_ns || now_ns - beat <= late_ns);
}
