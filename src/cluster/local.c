/* A proposal becomes a job. While a batch of jobs is executed on a thread of the pool, further jobs wait;
 * they are the next batch. A batch is one write transaction: each job's guards are checked against the
 * transaction's own view, so that earlier jobs of the batch count, then it is written at the next revision.
 * The one commit at the end makes all of them durable; then the loop announces and answers them in order.
 *
 * When the transaction fails nobody's change is kept. If it may be the fault of a single job (no space), each
 * is executed again alone, so that the others do not fail with it; a disk that failed refuses all.
 */
#include "cluster/local.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/ilist.h"
#include "base/mem.h"
#include "io/loop.h"

enum {
    BATCH_JOBS = 256,
    BATCH_BYTES = 4 * 1024 * 1024,
    COMPACT_PER_CHANGE = 4, /* old log entries that a change removes at most */
    CLUSTER_ID_SIZE = 33,
    ID_KEY_MAX = ENGINE_ID_MAX + 8,
};

enum job_type {
    JOB_PROPOSAL,
    JOB_LOOKUP,
    JOB_REFUSED, /* its result is known; it only waits for its turn */
};

struct job {
    struct ilist_node node;
    enum job_type type;
    struct engine_proposal proposal; /* all of it points into bytes */
    size_t size;
    bool applied; /* committed by this batch, so it is to be announced */
    engine_done_fn done;
    void *user;
    struct engine_result result;
    char bytes[];
};

struct local {
    struct engine engine;
    struct loop *loop;
    struct store *store;
    uint64_t log_keep;
    struct ilist waiting;          /* jobs of the next batches */
    struct job *batch[BATCH_JOBS]; /* the thread's while working */
    size_t batch_count;
    bool working;
    size_t pending;    /* jobs in waiting and batch */
    uint64_t revision; /* announced */
    bool closing;
    void (*closed)(void *user);
    void *closed_user;
};

/* What a transaction carries from job to job. */
struct round {
    struct store_write *w;
    uint64_t revision;
    uint64_t hash;
    uint64_t log_first; /* nothing below it is in the log */
    uint64_t log_count;
    uint64_t id_first; /* nothing below it has its id remembered */
    size_t changes;
};

static void start_batch(struct local *l);

/* --- jobs --- */

static struct str keep_bytes(char **at, struct str s)
{
    struct str kept = {.p = *at, .len = s.len};
    if (s.len > 0)
        memcpy(*at, s.p, s.len);
    *at += s.len;
    return kept;
}

static size_t round_up(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* A job with its own copy of everything in p. */
static struct job *job_create(const struct engine_proposal *p)
{
    size_t ops_size = round_up(p->op_count * sizeof(p->ops[0]));
    size_t guards_size = round_up(p->guard_count * sizeof(p->guards[0]));
    size_t size = engine_proposal_bytes(p);
    struct job *j = mem_alloc(sizeof(*j) + 16 + ops_size + guards_size + size);
    char *at = (char *)j + round_up(sizeof(*j));
    struct engine_op *ops = (void *)at;
    struct engine_guard *guards = (void *)(at + ops_size);
    at += ops_size + guards_size;
    for (size_t i = 0; i < p->op_count; i++) {
        ops[i] = p->ops[i];
        ops[i].key = keep_bytes(&at, p->ops[i].key);
        ops[i].value = keep_bytes(&at, p->ops[i].value);
    }
    for (size_t i = 0; i < p->guard_count; i++) {
        guards[i] = p->guards[i];
        guards[i].key = keep_bytes(&at, p->guards[i].key);
    }
    j->proposal = (struct engine_proposal){
        .id = keep_bytes(&at, p->id),
        .ops = ops,
        .op_count = p->op_count,
        .guards = guards,
        .guard_count = p->guard_count,
        .log = keep_bytes(&at, p->log),
    };
    j->size = size;
    return j;
}

static void enqueue(struct local *l, struct job *j, engine_done_fn done, void *user)
{
    j->done = done;
    j->user = user;
    ilist_push(&l->waiting, &j->node);
    l->pending++;
    if (!l->working)
        start_batch(l);
}

static enum err_code refuse(struct job *j, const struct err *e)
{
    j->applied = false;
    j->result = (struct engine_result){.outcome = ENGINE_REFUSED, .error = *e};
    return ERR_OK;
}

/* --- one transaction; all of this runs on the pool's thread --- */

/* A key for a message: the separators are not printable. */
static void key_label(struct str key, char out[STORE_KEY_MAX + 1])
{
    size_t n = key.len < STORE_KEY_MAX ? key.len : STORE_KEY_MAX;
    for (size_t i = 0; i < n; i++)
        out[i] = key.p[i] == '\0' ? '/' : key.p[i];
    out[n] = '\0';
}

static uint64_t get_number(struct store_write *w, struct str key)
{
    struct str value = {0};
    return store_write_get(w, STORE_META, key, &value) ? store_u64_of(value) : 0;
}

static enum err_code put_number(struct store_write *w, struct str key, uint64_t n, struct err *e)
{
    char number[STORE_U64_SIZE];
    store_u64_key(n, number);
    return store_put(w, STORE_META, key, (struct str){number, sizeof(number)}, e);
}

static struct str id_key(struct str id, char out[ID_KEY_MAX])
{
    memcpy(out, "id\0", 3);
    memcpy(out + 3, id.p, id.len);
    return (struct str){out, 3 + id.len};
}

static struct str rev_key(uint64_t revision, char out[4 + STORE_U64_SIZE])
{
    memcpy(out, "rev\0", 4);
    store_u64_key(revision, out + 4);
    return (struct str){out, 4 + STORE_U64_SIZE};
}

/* False when it would be longer than a key may be; no range of the model is. */
static bool range_key(enum store_table table, struct str prefix, struct buf *out)
{
    buf_clear(out);
    return buf_add(out, STR("range\0")) &&
           buf_add(out, table == STORE_DOCUMENTS ? STR("d") : STR("r")) && buf_add(out, prefix);
}

static bool guard_holds(struct store_write *w, const struct engine_guard *g)
{
    struct str value = {0};
    if (g->type == ENGINE_GUARD_REVISION) {
        uint64_t now =
            store_write_get(w, g->table, g->key, &value) ? store_value_revision(value) : 0;
        return now == g->revision;
    }
    struct buf key;
    buf_init(&key, STORE_KEY_MAX);
    uint64_t now = range_key(g->table, g->key, &key) ? get_number(w, buf_str(&key)) : 0;
    buf_finish(&key);
    return now <= g->revision;
}

/* Whether j may be written; if not, its result says why. */
static bool admit(struct store_write *w, struct job *j)
{
    const struct engine_proposal *p = &j->proposal;
    char label[STORE_KEY_MAX + 1];
    struct str value = {0};
    for (size_t i = 0; i < p->guard_count; i++) {
        if (guard_holds(w, &p->guards[i]))
            continue;
        key_label(p->guards[i].key, label);
        j->result.outcome = ENGINE_CONFLICT;
        (void)err_set(&j->result.error, ERR_CONFLICT, "%s was changed meanwhile", label);
        return false;
    }
    for (size_t i = 0; i < p->op_count; i++) {
        if (p->ops[i].type != ENGINE_DELETE ||
            store_write_get(w, p->ops[i].table, p->ops[i].key, &value))
            continue;
        key_label(p->ops[i].key, label);
        j->result.outcome = ENGINE_REFUSED;
        (void)err_set(&j->result.error, ERR_NOT_FOUND, "%s: not found", label);
        return false;
    }
    return true;
}

/* Notes the revision for the ranges that key is in: every prefix of it from the second separator on. */
static enum err_code touch_ranges(struct round *r, const struct engine_op *op, struct err *e)
{
    struct buf key;
    size_t parts = 0;
    enum err_code code = ERR_OK;
    if (op->table == STORE_META || op->table == STORE_ENTRIES)
        return ERR_OK;
    buf_init(&key, STORE_KEY_MAX);
    for (size_t i = 0; i < op->key.len && code == ERR_OK; i++) {
        if (op->key.p[i] != '\0' || ++parts < 2)
            continue;
        if (!range_key(op->table, str_slice(op->key, 0, i + 1), &key))
            code = err_set(e, ERR_INVALID, "a key of the change is too long");
        else
            code = put_number(r->w, buf_str(&key), r->revision, e);
    }
    buf_finish(&key);
    return code;
}

static enum err_code write_value(struct round *r, const struct engine_op *op, struct err *e)
{
    if (op->table == STORE_META)
        return store_put(r->w, op->table, op->key, op->value, e);
    char *bytes = mem_alloc(STORE_U64_SIZE + op->value.len);
    store_u64_key(r->revision, bytes);
    if (op->value.len > 0)
        memcpy(bytes + STORE_U64_SIZE, op->value.p, op->value.len);
    enum err_code code =
        store_put(r->w, op->table, op->key, (struct str){bytes, STORE_U64_SIZE + op->value.len}, e);
    free(bytes);
    return code;
}

static enum err_code write_op(struct round *r, const struct engine_op *op, struct err *e)
{
    size_t removed = 0;
    enum err_code code = ERR_OK;
    switch (op->type) {
    case ENGINE_PUT:
        code = write_value(r, op, e);
        break;
    case ENGINE_DELETE:
        code = store_delete(r->w, op->table, op->key, e);
        break;
    case ENGINE_DELETE_PREFIX:
        code = store_delete_range(r->w, op->table, op->key, STR(""), &removed, e);
        break;
    }
    return code == ERR_OK ? touch_ranges(r, op, e) : code;
}

static uint64_t hash_bytes(uint64_t hash, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t hash_number(uint64_t hash, uint64_t n)
{
    char number[STORE_U64_SIZE];
    store_u64_key(n, number);
    return hash_bytes(hash, (struct str){number, sizeof(number)});
}

static uint64_t hash_str(uint64_t hash, struct str s)
{
    return hash_bytes(hash_number(hash, s.len), s);
}

static uint64_t hash_change(uint64_t hash, uint64_t revision, const struct engine_proposal *p)
{
    hash = hash_number(hash, revision);
    hash = hash_number(hash, p->op_count);
    for (size_t i = 0; i < p->op_count; i++) {
        hash = hash_number(hash, (uint64_t)p->ops[i].type);
        hash = hash_number(hash, (uint64_t)p->ops[i].table);
        hash = hash_str(hash, p->ops[i].key);
        hash = hash_str(hash, p->ops[i].value);
    }
    return hash_str(hash, p->log);
}

/* The change-log entry with its revision. */
static enum err_code write_log(struct round *r, const struct engine_proposal *p, struct err *e)
{
    char number[STORE_U64_SIZE];
    struct buf entry;
    if (p->log.len == 0)
        return ERR_OK;
    buf_init(&entry, p->log.len + 64);
    struct str body = str_slice(p->log, 0, p->log.len - 1); /* without the closing brace */
    bool empty = str_eq(str_trim(body), STR("{"));
    if (!buf_add(&entry, body) || !buf_addf(&entry, "%s\"revision\":%llu}", empty ? "" : ",",
                                            (unsigned long long)r->revision))
        assert(false);
    store_u64_key(r->revision, number);
    enum err_code code =
        store_put(r->w, STORE_LOG, (struct str){number, sizeof(number)}, buf_str(&entry), e);
    buf_finish(&entry);
    r->log_count++;
    return code;
}

/* The way from the proposal's id to its revision and back. */
static enum err_code write_id(struct round *r, const struct engine_proposal *p, struct err *e)
{
    char id[ID_KEY_MAX];
    char rev[4 + STORE_U64_SIZE];
    enum err_code code = put_number(r->w, id_key(p->id, id), r->revision, e);
    return code != ERR_OK ? code : store_put(r->w, STORE_META, rev_key(r->revision, rev), p->id, e);
}

/* Executes one job. An error means that the transaction is of no use any more. */
static enum err_code execute(struct round *r, struct job *j, struct err *e)
{
    char id[ID_KEY_MAX];
    const struct engine_proposal *p = &j->proposal;
    uint64_t known = get_number(r->w, id_key(p->id, id));
    if (known != 0) {
        j->result = (struct engine_result){.outcome = ENGINE_COMMITTED, .revision = known};
        return ERR_OK;
    }
    if (!admit(r->w, j))
        return ERR_OK;
    r->revision++;
    for (size_t i = 0; i < p->op_count; i++) {
        enum err_code code = write_op(r, &p->ops[i], e);
        if (code != ERR_OK)
            return code;
    }
    r->hash = hash_change(r->hash, r->revision, p);
    r->changes++;
    j->applied = true;
    j->result = (struct engine_result){.outcome = ENGINE_COMMITTED, .revision = r->revision};
    enum err_code code = write_log(r, p, e);
    return code == ERR_OK ? write_id(r, p, e) : code;
}

static enum err_code drop_log_entry(struct round *r, uint64_t revision, struct err *e)
{
    char number[STORE_U64_SIZE];
    store_u64_key(revision, number);
    enum err_code code = store_delete(r->w, STORE_LOG, (struct str){number, sizeof(number)}, e);
    if (code == ERR_OK)
        r->log_count--;
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static enum err_code drop_id(struct store_write *w, uint64_t revision, struct err *e)
{
    char rev[4 + STORE_U64_SIZE];
    char id[ID_KEY_MAX];
    struct str value = {0};
    struct str back = rev_key(revision, rev);
    if (!store_write_get(w, STORE_META, back, &value) || value.len > ENGINE_ID_MAX)
        return ERR_OK;
    enum err_code code = store_delete(w, STORE_META, id_key(value, id), e);
    if (code == ERR_OK || code == ERR_NOT_FOUND)
        code = store_delete(w, STORE_META, back, e);
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* Drops log entries past log_keep, and ids past so many changes: a bounded number each time, more than are added. Not
 * every revision has a log entry. */
static enum err_code compact_log(struct round *r, uint64_t log_keep, struct err *e)
{
    enum err_code code = ERR_OK;
    for (size_t budget = r->changes * COMPACT_PER_CHANGE;
         code == ERR_OK && budget > 0 && r->log_count > log_keep; budget--)
        code = drop_log_entry(r, r->log_first++, e);
    for (size_t budget = r->changes * COMPACT_PER_CHANGE;
         code == ERR_OK && budget > 0 && r->revision - r->id_first >= log_keep; budget--)
        code = drop_id(r->w, r->id_first++, e);
    if (code == ERR_OK)
        code = put_number(r->w, STR("log_first"), r->log_first, e);
    if (code == ERR_OK)
        code = put_number(r->w, STR("log_count"), r->log_count, e);
    return code == ERR_OK ? put_number(r->w, STR("id_first"), r->id_first, e) : code;
}

static enum err_code finish_round(struct round *r, uint64_t log_keep, struct err *e)
{
    enum err_code code = put_number(r->w, STR("revision"), r->revision, e);
    if (code == ERR_OK)
        code = put_number(r->w, STR("hash"), r->hash, e);
    if (code == ERR_OK)
        code = compact_log(r, log_keep, e);
    return code;
}

static void begin_round(struct round *r, struct store_write *w)
{
    struct str value = {0};
    uint64_t start = UINT64_C(14695981039346656037); /* FNV-1a of nothing */
    *r = (struct round){.w = w, .revision = get_number(w, STR("revision"))};
    r->hash = store_write_get(w, STORE_META, STR("hash"), &value) ? store_u64_of(value) : start;
    r->log_first = get_number(w, STR("log_first"));
    if (r->log_first == 0)
        r->log_first = r->revision + 1;
    /* Stores of earlier versions: every change was logged. */
    r->log_count = store_write_get(w, STORE_META, STR("log_count"), &value)
                       ? store_u64_of(value)
                       : r->revision + 1 - r->log_first;
    r->id_first = get_number(w, STR("id_first"));
    if (r->id_first == 0)
        r->id_first = r->log_first;
}

/* Executes the proposals among n jobs in one transaction. On failure nothing was written and the results of
 * all of them mean nothing. */
static enum err_code run(struct local *l, struct job *const *jobs, size_t n, struct err *e)
{
    struct store_write *w = NULL;
    struct round r;
    enum err_code code = store_write_begin(l->store, &w, e);
    if (code != ERR_OK)
        return code;
    begin_round(&r, w);
    for (size_t i = 0; i < n && code == ERR_OK; i++)
        if (jobs[i]->type == JOB_PROPOSAL)
            code = execute(&r, jobs[i], e);
    if (code == ERR_OK && r.changes > 0)
        code = finish_round(&r, l->log_keep, e);
    if (code != ERR_OK || r.changes == 0) {
        store_write_abort(w);
        return code;
    }
    return store_write_commit(w, e);
}

/* Whether the same batch may succeed in part when its jobs are executed one by one. */
static bool worth_splitting(enum err_code code)
{
    return code != ERR_IO && code != ERR_UNAVAILABLE;
}

static void run_batch(struct local *l)
{
    struct err e = {0};
    enum err_code code = run(l, l->batch, l->batch_count, &e);
    if (code == ERR_OK)
        return;
    bool split = l->batch_count > 1 && worth_splitting(code);
    for (size_t i = 0; i < l->batch_count; i++) {
        struct job *j = l->batch[i];
        if (j->type != JOB_PROPOSAL)
            continue;
        j->applied = false;
        if (!split || run(l, &j, 1, &e) != ERR_OK)
            (void)refuse(j, &e);
    }
}

static void run_lookup(struct local *l, struct job *j)
{
    char key[ID_KEY_MAX];
    struct str value = {0};
    struct store_read *r = NULL;
    j->result.outcome = ENGINE_UNKNOWN;
    if (store_read_begin(l->store, &r, &j->result.error) != ERR_OK)
        return;
    if (store_get(r, STORE_META, id_key(j->proposal.id, key), &value)) {
        j->result =
            (struct engine_result){.outcome = ENGINE_COMMITTED, .revision = store_u64_of(value)};
    } else {
        struct err e = {0};
        (void)err_set(&e, ERR_NOT_FOUND, "no change has the id %.*s", STR_ARG(j->proposal.id));
        (void)refuse(j, &e);
    }
    store_read_end(r);
}

/* Lookups come after the proposals, so that they see what the batch committed. */
static void on_work(void *user)
{
    struct local *l = user;
    bool proposals = false;
    for (size_t i = 0; i < l->batch_count; i++)
        proposals = proposals || l->batch[i]->type == JOB_PROPOSAL;
    if (proposals)
        run_batch(l);
    for (size_t i = 0; i < l->batch_count; i++)
        if (l->batch[i]->type == JOB_LOOKUP)
            run_lookup(l, l->batch[i]);
}

/* --- the loop's side --- */

static void announce(struct local *l, const struct job *j)
{
    struct engine_key keys[ENGINE_OPS_MAX];
    struct engine_applied applied = {.revision = j->result.revision, .keys = keys};
    for (size_t i = 0; i < j->proposal.op_count; i++) {
        const struct engine_op *op = &j->proposal.ops[i];
        if (op->table != STORE_META)
            keys[applied.key_count++] = (struct engine_key){op->table, op->key};
    }
    l->revision = applied.revision;
    if (l->engine.on_applied != NULL)
        l->engine.on_applied(l->engine.user, &applied);
}

static void finish(struct local *l)
{
    void (*closed)(void *user) = l->closed;
    void *user = l->closed_user;
    free(l);
    closed(user);
}

static void on_work_done(void *user)
{
    struct local *l = user;
    for (size_t i = 0; i < l->batch_count; i++) {
        struct job *j = l->batch[i];
        if (j->applied)
            announce(l, j);
        l->pending--;
        j->done(j->user, &j->result);
        free(j);
    }
    l->batch_count = 0;
    l->working = false;
    if (!ilist_empty(&l->waiting))
        start_batch(l);
    else if (l->closing)
        finish(l);
}

static void start_batch(struct local *l)
{
    size_t bytes = 0;
    struct ilist_node *n = NULL;
    assert(!l->working);
    while (l->batch_count < BATCH_JOBS && bytes < BATCH_BYTES &&
           (n = ilist_pop(&l->waiting)) != NULL) {
        struct job *j = container_of(n, struct job, node);
        l->batch[l->batch_count++] = j;
        bytes += j->size;
    }
    l->working = true;
    loop_work(l->loop, on_work, on_work_done, l);
}

static void local_propose(struct engine *g, const struct engine_proposal *p, engine_done_fn done,
                          void *user)
{
    struct local *l = container_of(g, struct local, engine);
    struct err e = {0};
    enum err_code code = l->closing ? err_set(&e, ERR_UNAVAILABLE, "the server is stopping")
                                    : engine_proposal_check(p, &e);
    struct job *j = job_create(code == ERR_OK ? p : &(struct engine_proposal){.id = STR("")});
    j->type = code == ERR_OK ? JOB_PROPOSAL : JOB_REFUSED;
    if (code != ERR_OK)
        (void)refuse(j, &e);
    enqueue(l, j, done, user);
}

static void local_lookup(struct engine *g, struct str id, engine_done_fn done, void *user)
{
    struct local *l = container_of(g, struct local, engine);
    struct err e = {0};
    if (id.len > ENGINE_ID_MAX) {
        (void)err_set(&e, ERR_NOT_FOUND, "no change has so long an id");
        id = STR("");
    }
    struct job *j = job_create(&(struct engine_proposal){.id = id});
    j->type = e.code == ERR_OK ? JOB_LOOKUP : JOB_REFUSED;
    if (e.code != ERR_OK)
        (void)refuse(j, &e);
    enqueue(l, j, done, user);
}

static void local_status(const struct engine *g, struct engine_status *ret)
{
    const struct local *l = (const void *)g;
    *ret = (struct engine_status){
        .revision = l->revision,
        .writable = !l->closing,
        .kind = "local",
        .pending = l->pending,
    };
}

static void local_close(struct engine *g, void (*closed)(void *user), void *user)
{
    struct local *l = container_of(g, struct local, engine);
    assert(!l->closing);
    l->closing = true;
    l->closed = closed;
    l->closed_user = user;
    if (!l->working)
        start_batch(l); /* of nothing: closed is called from the loop */
}

static const struct engine_impl LOCAL = {
    .propose = local_propose,
    .lookup = local_lookup,
    .status = local_status,
    .close = local_close,
};

static_assert(offsetof(struct local, engine) == 0, "local_status() relies on it");

/* Gives a new store its cluster id; reads where it stands. */
static enum err_code prepare(struct store *store, uint64_t *ret_revision, struct err *e)
{
    struct store_write *w = NULL;
    struct str value = {0};
    enum err_code code = store_write_begin(store, &w, e);
    if (code != ERR_OK)
        return code;
    *ret_revision = get_number(w, STR("revision"));
    if (store_write_get(w, STORE_META, STR("cluster_id"), &value)) {
        store_write_abort(w);
        return ERR_OK;
    }
    unsigned char random[16];
    char text[CLUSTER_ID_SIZE];
    if (getentropy(random, sizeof(random)) != 0)
        abort();
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(text + 2 * i, 3, "%02x", random[i]);
    code = store_put(w, STORE_META, STR("cluster_id"), str_of(text), e);
    if (code != ERR_OK) {
        store_write_abort(w);
        return code;
    }
    return store_write_commit(w, e);
}

enum err_code local_create(struct loop *loop, struct store *store,
                           const struct local_options *options, struct engine **ret, struct err *e)
{
    uint64_t revision = 0;
    enum err_code code = prepare(store, &revision, e);
    if (code != ERR_OK)
        return code;
    struct local *l = mem_alloc(sizeof(*l));
    l->engine =
        (struct engine){.impl = &LOCAL, .on_applied = options->on_applied, .user = options->user};
    l->loop = loop;
    l->store = store;
    l->log_keep = options->log_keep > 0 ? options->log_keep : 1;
    l->revision = revision;
    ilist_init(&l->waiting);
    *ret = &l->engine;
    return ERR_OK;
}
