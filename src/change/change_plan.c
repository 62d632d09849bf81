/* The engine takes so many operations and bytes at once. Entries are put into one proposal as long as they fit with a
 * brief log entry; then the log entry is made as detailed as there is room for.
 *
 * All guards of the validation go with every proposal, since each relies on all that was looked at. Those of a later
 * proposal are moved to the revision of the one before it, which had checked everything up to itself: a range may
 * have been written by this request, so it is compared with that revision. (Keys of the request are never among the
 * guards: the view notes only what it takes from the store.) The revision of an entry's own key goes with its own
 * proposal, because what the log says was there before, and the times of documents, rely on it.
 */
#include "change/change_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "change/entry_value.h"
#include "codec/json.h"

/* One entry's operations. */
struct step {
    struct engine_op op;
    char *value;        /* owned; op.value points to it */
    struct buf storage; /* the key of storage_op; empty: there is none */
    size_t bytes;
    size_t ops;
};

/* Consecutive entries that make one proposal. */
struct chunk {
    size_t first;
    size_t n;
    char id[CHANGE_LOG_ID_SIZE];
    char *log;
    size_t log_len;
};

struct chunks {
    VEC_OF(struct chunk);
};
struct ops {
    VEC_OF(struct engine_op);
};
struct guards {
    VEC_OF(struct engine_guard);
};

struct change_plan {
    struct change_plan_input in;
    struct step *steps; /* one per entry */
    struct chunks chunks;
    size_t guard_bytes; /* of what every proposal carries */
    struct ops ops;     /* of the proposal handed out last */
    struct guards guards;
    struct engine_proposal proposal;
};

static enum err_code too_large(const struct change_entry *entry, struct err *e)
{
    return err_set(e, ERR_TOO_LARGE, "%s is too large: with %sits log entry it passes %d bytes",
                   entry->label.p, entry->ref.kind == MODEL_MODULE ? "its compiled form and " : "",
                   ENGINE_BYTES_MAX);
}

static bool make_value(const struct change_entry *entry, struct step *s)
{
    struct buf text;
    json_t *json = model_encode(entry->resource, MODEL_TO_STORE);
    buf_init(&text, ENGINE_BYTES_MAX);
    bool fits = json_text_write(&text, json);
    json_decref(json);
    if (fits) {
        s->value = buf_take(&text, &s->op.value.len);
        s->op.value.p = s->value;
    }
    buf_finish(&text);
    return fits;
}

static enum err_code make_step(struct change_plan *p, size_t i, struct err *e)
{
    const struct change_entry *entry = &p->in.entries[i];
    struct step *s = &p->steps[i];
    s->op = (struct engine_op){.table = entry->table, .key = entry->key};
    if (entry->command == CHANGE_PUT)
        s->op.type = ENGINE_PUT;
    else
        s->op.type = entry->range ? ENGINE_DELETE_PREFIX : ENGINE_DELETE;
    if (entry->command == CHANGE_PUT && !make_value(entry, s))
        return too_large(entry, e);
    s->ops = 1;
    s->bytes = 2 * entry->key.len + s->op.value.len; /* the key once more in a guard */
    /* What the namespace's modules have stored goes with it. */
    buf_init(&s->storage, STORE_KEY_MAX);
    if (change_entry_is(entry, CHANGE_DELETE, MODEL_NAMESPACE) &&
        entry_value_key(&s->storage, entry->ref.name, STR(""))) {
        s->ops++;
        s->bytes += s->storage.len;
    }
    return ERR_OK;
}

static void add_meta_sizes(struct change_plan *p)
{
    for (size_t i = 0; i < p->in.meta_count; i++) {
        struct step *s = &p->steps[p->in.meta_entry[i]];
        s->ops++;
        s->bytes += p->in.meta[i].key.len + p->in.meta[i].value.len;
    }
}

static struct change_log_head head_of(const struct change_plan *p, const struct chunk *c)
{
    return (struct change_log_head){
        .id = c->id, .time = p->in.time, .author = p->in.author, .source = p->in.source};
}

/* How many bytes n entries from first take in a brief log entry. */
static size_t brief_size(const struct change_plan *p, const struct chunk *c, size_t first, size_t n)
{
    struct buf text;
    struct change_log_head head = head_of(p, c);
    buf_init(&text, ENGINE_BYTES_MAX);
    bool fits = change_log_write(&text, &head, p->in.entries + first, n, CHANGE_LOG_BRIEF);
    size_t size = fits ? buf_str(&text).len : ENGINE_BYTES_MAX;
    buf_finish(&text);
    return size;
}

/* Writes the log entry of c with as much detail as fits room bytes. */
static bool write_log(struct change_plan *p, struct chunk *c, size_t room)
{
    struct change_log_head head = head_of(p, c);
    bool fits = false;
    struct buf text;
    buf_init(&text, room);
    for (int detail = CHANGE_LOG_FULL; detail >= CHANGE_LOG_BRIEF && !fits; detail--)
        fits = change_log_write(&text, &head, p->in.entries + c->first, c->n,
                                (enum change_log_detail)detail);
    if (fits)
        c->log = buf_take(&text, &c->log_len);
    buf_finish(&text);
    return fits;
}

/* The proposal that begins with entry first. */
static enum err_code add_chunk(struct change_plan *p, size_t first, struct err *e)
{
    struct chunk c = {.first = first};
    change_log_new_id(c.id);
    size_t fixed = p->guard_bytes + sizeof(c.id);
    size_t bytes = fixed;
    size_t ops = 0;
    for (size_t i = first; i < p->in.n; i++) {
        const struct step *s = &p->steps[i];
        size_t added = s->bytes + brief_size(p, &c, i, 1); /* more than it takes among others */
        if (c.n > 0 && (ops + s->ops > ENGINE_OPS_MAX || bytes + added > ENGINE_BYTES_MAX))
            break;
        ops += s->ops;
        bytes += added;
        fixed += s->bytes;
        c.n++;
    }
    if (ops > ENGINE_OPS_MAX || fixed >= ENGINE_BYTES_MAX ||
        !write_log(p, &c, ENGINE_BYTES_MAX - fixed))
        return too_large(&p->in.entries[first], e);
    vec_push(&p->chunks, c);
    return ERR_OK;
}

enum err_code change_plan_create(const struct change_plan_input *input, struct change_plan **ret,
                                 struct err *e)
{
    struct change_plan *p = mem_alloc(sizeof(*p));
    enum err_code code = ERR_OK;
    p->in = *input;
    p->steps = mem_calloc(input->n > 0 ? input->n : 1, sizeof(p->steps[0]));
    for (size_t i = 0; i < input->guard_count; i++)
        p->guard_bytes += input->guards[i].key.len;
    for (size_t i = 0; i < input->n && code == ERR_OK; i++)
        code = make_step(p, i, e);
    add_meta_sizes(p);
    for (size_t i = 0; i < input->n && code == ERR_OK;) {
        code = add_chunk(p, i, e);
        if (code == ERR_OK)
            i += p->chunks.v[p->chunks.n - 1].n;
    }
    if (code != ERR_OK) {
        change_plan_destroy(p);
        return code;
    }
    *ret = p;
    return ERR_OK;
}

void change_plan_destroy(struct change_plan *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->in.n; i++) {
        free(p->steps[i].value);
        buf_finish(&p->steps[i].storage);
    }
    for (size_t i = 0; i < p->chunks.n; i++)
        free(p->chunks.v[i].log);
    free(p->steps);
    vec_finish(&p->chunks);
    vec_finish(&p->ops);
    vec_finish(&p->guards);
    free(p);
}

size_t change_plan_count(const struct change_plan *p)
{
    return p->chunks.n;
}

static void collect_ops(struct change_plan *p, const struct chunk *c)
{
    p->ops.n = 0;
    for (size_t i = c->first; i < c->first + c->n; i++) {
        const struct step *s = &p->steps[i];
        vec_push(&p->ops, s->op);
        if (s->storage.len > 0) {
            vec_push(&p->ops, ((struct engine_op){.type = ENGINE_DELETE_PREFIX,
                                                  .table = STORE_ENTRIES,
                                                  .key = buf_str(&s->storage)}));
        }
    }
    for (size_t i = 0; i < p->in.meta_count; i++)
        if (p->in.meta_entry[i] >= c->first && p->in.meta_entry[i] < c->first + c->n)
            vec_push(&p->ops, p->in.meta[i]);
}

static void collect_guards(struct change_plan *p, const struct chunk *c, uint64_t base)
{
    p->guards.n = 0;
    for (size_t i = 0; i < p->in.guard_count; i++) {
        struct engine_guard g = p->in.guards[i];
        if (g.type == ENGINE_GUARD_RANGE && g.revision < base)
            g.revision = base;
        vec_push(&p->guards, g);
    }
    for (size_t i = c->first; i < c->first + c->n; i++) {
        const struct change_entry *e = &p->in.entries[i];
        struct engine_guard g = {.type = ENGINE_GUARD_REVISION,
                                 .table = e->table,
                                 .key = e->key,
                                 .revision = e->revision};
        if (!e->range)
            vec_push(&p->guards, g);
    }
}

const struct engine_proposal *change_plan_get(struct change_plan *p, size_t i, uint64_t base)
{
    const struct chunk *c = &p->chunks.v[i];
    collect_ops(p, c);
    collect_guards(p, c, base);
    p->proposal = (struct engine_proposal){
        .id = str_of(c->id),
        .ops = p->ops.v,
        .op_count = p->ops.n,
        .guards = p->guards.v,
        .guard_count = p->guards.n,
        .log = {c->log, c->log_len},
    };
    return &p->proposal;
}
