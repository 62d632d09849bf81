#include "node/node_segment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/shm.h"
#include "node/node_counts.h"
#include "node/node_health.h"
#include "node/node_rate.h"
#include "node/node_slots.h"
#include "node/node_switches.h"

enum { LAYOUT = 3, LINE = 64, SLOTS_MAX = 1 << 24 };

/* At the start of the memory; the tables follow, each on a cache line of its own. */
struct header {
    char magic[8];
    uint32_t layout;
    uint32_t workers;
    uint32_t rate_buckets;
    uint32_t counts;
    uint32_t upstreams;
    uint32_t switches;
    uint64_t seed;
};

static const char magic[8] = "DGNODE";

struct node_segment {
    struct header *header;
    size_t size;
    struct node_rate rate;
    struct node_counts counts;
    struct node_health health;
    struct node_switches switches;
};

static size_t whole_lines(size_t size)
{
    return (size + LINE - 1) / LINE * LINE;
}

static uint32_t power_of_two(uint32_t n)
{
    uint32_t p = NODE_WAYS;
    while (p < n && p < SLOTS_MAX)
        p *= 2;
    return p;
}

/* Where each table begins, and the whole size. */
struct layout {
    size_t rate;
    size_t counts;
    size_t health;
    size_t switches;
    size_t size;
};

static struct layout layout_of(const struct header *h)
{
    struct layout l = {.rate = whole_lines(sizeof(*h))};
    l.counts = l.rate + whole_lines(node_rate_size(h->rate_buckets));
    l.health = l.counts + whole_lines(node_counts_size(h->counts, h->workers));
    l.switches = l.health + whole_lines(node_health_size(h->upstreams));
    l.size = l.switches + whole_lines(node_switches_size(h->switches));
    return l;
}

static struct node_segment *attach(void *memory)
{
    struct node_segment *s = mem_alloc(sizeof(*s));
    s->header = memory;
    const struct header *h = s->header;
    struct layout l = layout_of(h);
    char *p = memory;
    s->size = l.size;
    node_rate_attach(&s->rate, p + l.rate, h->rate_buckets);
    node_counts_attach(&s->counts, p + l.counts, h->counts, h->workers);
    node_health_attach(&s->health, p + l.health, h->upstreams);
    node_switches_attach(&s->switches, p + l.switches, h->switches);
    return s;
}

enum err_code node_segment_make(const struct node_segment_options *options, int *fd,
                                struct node_segment **ret, struct err *e)
{
    struct header h = {
        .layout = LAYOUT,
        .workers = options->workers,
        .rate_buckets = power_of_two(options->rate_buckets),
        .counts = power_of_two(options->counts),
        .upstreams = power_of_two(options->upstreams),
        .switches = power_of_two(options->switches),
        .seed = hash_make_seed(),
    };
    memcpy(h.magic, magic, sizeof(magic));
    size_t size = layout_of(&h).size;
    int made = -1;
    enum err_code rc = shm_make("dgate-node", size, &made, e);
    if (rc != ERR_OK)
        return rc;
    void *memory = shm_map(made, size, e);
    if (memory == NULL) {
        (void)close(made);
        return ERR_IO;
    }
    memcpy(memory, &h, sizeof(h));
    *fd = made;
    *ret = attach(memory);
    return ERR_OK;
}

enum err_code node_segment_map(int fd, struct node_segment **ret, struct err *e)
{
    struct header h = {0};
    struct stat st = {0};
    if (fstat(fd, &st) != 0 || pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
        memcmp(h.magic, magic, sizeof(magic)) != 0 || h.layout != LAYOUT ||
        h.rate_buckets > SLOTS_MAX || h.counts > SLOTS_MAX || h.upstreams > SLOTS_MAX ||
        h.switches > SLOTS_MAX || layout_of(&h).size != (size_t)st.st_size)
        return err_set(e, ERR_INVALID, "descriptor %d is not a node segment of this version", fd);
    void *memory = shm_map(fd, (size_t)st.st_size, e);
    if (memory == NULL)
        return ERR_IO;
    *ret = attach(memory);
    return ERR_OK;
}

void node_segment_unmap(struct node_segment *s)
{
    if (s == NULL)
        return;
    shm_unmap(s->header, s->size);
    free(s);
}

uint64_t node_segment_key(const struct node_segment *s, char kind, struct str a, struct str b)
{
    uint64_t h = hash_bytes(s->header->seed, (struct str){&kind, 1});
    h = hash_bytes(h + a.len, a);
    h = hash_bytes(h, b);
    return h > NODE_BUSY ? h : NODE_BUSY + 1;
}

struct node_rate *node_segment_rate(struct node_segment *s)
{
    return &s->rate;
}

struct node_counts *node_segment_counts(struct node_segment *s)
{
    return &s->counts;
}

struct node_health *node_segment_health(struct node_segment *s)
{
    return &s->health;
}

struct node_switches *node_segment_switches(struct node_segment *s)
{
    return &s->switches;
}
