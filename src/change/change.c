/* A change goes through these steps, each a function; between them it waits for somebody:
 *
 *   begin      (a task)            modules to compile?          -> compile, else enter
 *   compile    (the compiler)      all compiled                 -> enter
 *   enter      (change_scopes)     nobody else changes this     -> validate
 *   validate                       wrong: end;  right: planned  -> fit
 *   fit        (the compiler)      documents fit their schemas  -> propose;  no: end
 *   propose    (the engine)        COMMITTED: the next proposal, or serve;  CONFLICT -> validate again;
 *                                  REFUSED: end;  UNKNOWN -> look_up
 *   look_up    (a timer, engine)   committed after all: as above;  not: propose the same again
 *   serve      (the workers)       -> end
 */
#include "change/change.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ilist.h"
#include "base/mem.h"
#include "base/now.h"
#include "change/change_check.h"
#include "change/change_facts.h"
#include "change/change_plan.h"
#include "change/change_schema.h"
#include "change/change_scopes.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "io/loop.h"
#include "io/timeout.h"

enum {
    LOOKUPS_MAX = 5,
    LOOKUP_DELAY_MS = 100, /* before the first, doubled each time */
};

struct change_sink {
    struct loop *loop;
    struct store *store;
    struct engine *engine;
    struct change_host host;
    struct change_options options;
    struct change_facts *facts;
    struct change_scopes *scopes;
    struct ilist changes;
    size_t pending;
};

struct change;

/* A module that is being compiled. */
struct compilation {
    struct change *change;
    struct change_entry *entry;
    struct buf source;
};

struct change {
    struct ilist_node node; /* in sink->changes */
    struct change_sink *sink;
    struct loop_task begin;
    struct timeout timer;
    struct change_entry *entries; /* sorted as they are to be applied */
    size_t n;
    struct engine_op *meta;
    size_t *meta_entry;
    size_t meta_count;
    char *meta_bytes;
    char *author;
    char *source;
    struct compilation *compilations; /* one per entry */
    size_t compiling;
    struct change_scopes_user scopes;
    char time[NOW_RFC3339_SIZE];
    struct change_view *view;
    struct change_plan *plan;
    struct change_schema *schema; /* NULL: nothing to check */
    size_t chunk;                 /* the proposal that is on its way */
    uint32_t conflicts;
    uint32_t lookups;
    struct change_result result;
    change_done_fn done;
    void *user;
};

static void begin(struct change *c);
static void compile(struct change *c);
static void enter(struct change *c);
static void validate(struct change *c);
static void propose(struct change *c);
static void look_up(struct change *c);
static void serve(struct change *c);
static void end(struct change *c);

/* --- a request's own copy --- */

/* The order in which entries are applied: what is referred to comes first, and goes last. */
static unsigned rank(const struct change_entry *e)
{
    static const unsigned PUT_RANKS[MODEL_KIND_COUNT] = {
        [MODEL_NAMESPACE] = 4, [MODEL_COLLECTION] = 5, [MODEL_SERVICE] = 6,   [MODEL_MODULE] = 7,
        [MODEL_ROUTE] = 8,     [MODEL_DOMAIN] = 9,     [MODEL_DOCUMENT] = 10, [MODEL_SECRET] = 11,
    };
    static const unsigned DELETE_RANKS[MODEL_KIND_COUNT] = {
        [MODEL_ROUTE] = 0,    [MODEL_DOMAIN] = 1,  [MODEL_DOCUMENT] = 2,    [MODEL_SECRET] = 3,
        [MODEL_SERVICE] = 12, [MODEL_MODULE] = 13, [MODEL_COLLECTION] = 14, [MODEL_NAMESPACE] = 15,
    };
    return e->command == CHANGE_PUT ? PUT_RANKS[e->ref.kind] : DELETE_RANKS[e->ref.kind];
}

static int compare_entries(const void *a, const void *b)
{
    unsigned ra = rank(a);
    unsigned rb = rank(b);
    return ra < rb ? -1 : ra > rb;
}

static void copy_entries(struct change *c, const struct change_request *request)
{
    c->entries = mem_calloc(request->item_count + 1, sizeof(c->entries[0]));
    for (size_t i = 0; i < request->item_count; i++) {
        const struct change_item *item = &request->items[i];
        if (change_entry_init(&c->entries[c->n], item)) {
            c->n++;
        } else if (item->command == CHANGE_DELETE && request->item_count == 1) {
            (void)err_set(&c->result.error, ERR_NOT_FOUND, "no %s can have such a name",
                          model_kind_name(item->ref.kind));
        } else {
            change_check_problem(&c->result.problems, item->path, "name",
                                 "nothing can have such a name");
        }
    }
    if (request->item_count == 0)
        change_check_problem(&c->result.problems, "", "", "there is nothing to change");
    qsort(c->entries, c->n, sizeof(c->entries[0]), compare_entries);
}

/* The entry that a META write belongs to: the one whose key follows "init\0", or the last. */
static size_t entry_of_meta(const struct change *c, struct str key)
{
    const struct str prefix = STR("init\0");
    for (size_t i = 0; i < c->n; i++)
        if (key.len > prefix.len && str_eq(str_skip(key, prefix.len), c->entries[i].key))
            return i;
    return c->n > 0 ? c->n - 1 : 0;
}

static struct str keep_bytes(char **at, struct str s)
{
    struct str kept = {.p = *at, .len = s.len};
    if (s.len > 0)
        memcpy(*at, s.p, s.len);
    *at += s.len;
    return kept;
}

static void copy_meta(struct change *c, const struct change_request *request)
{
    size_t bytes = 1;
    for (size_t i = 0; i < request->meta_op_count; i++)
        bytes += request->meta_ops[i].key.len + request->meta_ops[i].value.len;
    c->meta_count = request->meta_op_count;
    c->meta = mem_calloc(c->meta_count + 1, sizeof(c->meta[0]));
    c->meta_entry = mem_calloc(c->meta_count + 1, sizeof(c->meta_entry[0]));
    c->meta_bytes = mem_alloc(bytes);
    char *at = c->meta_bytes;
    for (size_t i = 0; i < c->meta_count; i++) {
        const struct engine_op *op = &request->meta_ops[i];
        c->meta[i] = *op;
        c->meta[i].key = keep_bytes(&at, op->key);
        c->meta[i].value = keep_bytes(&at, op->value);
        c->meta_entry[i] = entry_of_meta(c, op->key);
    }
}

static void change_free(struct change *c)
{
    for (size_t i = 0; i < c->n; i++) {
        change_entry_finish(&c->entries[i]);
        buf_finish(&c->compilations[i].source);
    }
    free(c->entries);
    free(c->compilations);
    free(c->meta);
    free(c->meta_entry);
    free(c->meta_bytes);
    free(c->author);
    free(c->source);
    model_problems_finish(&c->result.problems);
    json_decref(c->result.stored);
    free(c);
}

/* --- steps --- */

/* Drops what the last validation left. */
static void drop_plan(struct change *c)
{
    change_schema_destroy(c->schema);
    change_plan_destroy(c->plan);
    change_view_destroy(c->view);
    c->schema = NULL;
    c->plan = NULL;
    c->view = NULL;
}

static void on_begin(struct loop_task *t)
{
    begin(container_of(t, struct change, begin));
}

static void begin(struct change *c)
{
    if (c->result.error.code != ERR_OK)
        end(c);
    else
        compile(c);
}

/* All modules are compiled, or could not be. */
static void compiled(struct change *c)
{
    if (c->result.error.code != ERR_OK)
        end(c);
    else
        enter(c);
}

/* Whether it has more than max bytes as text. */
static bool is_larger(const json_t *json, size_t max)
{
    struct buf text;
    buf_init(&text, max);
    bool fits = json_text_write(&text, json);
    buf_finish(&text);
    return !fits;
}

static void on_compiled(void *user, json_t *json, struct model_problems *problems,
                        const struct err *error)
{
    struct compilation *m = user;
    struct change *c = m->change;
    const struct change_entry *e = m->entry;
    const struct change_options *options = &c->sink->options;
    if (json != NULL) {
        json_decref(e->resource->module.compiled);
        e->resource->module.compiled = json;
        if (is_larger(json, options->compiled_max)) {
            change_check_problem(&c->result.problems, e->path, "payload",
                                 "its compiled form has more than %zu bytes "
                                 "(limits.module_compiled_max)",
                                 options->compiled_max);
        }
    } else if (problems != NULL && problems->n > 0) {
        for (size_t i = 0; i < problems->n; i++)
            change_check_problem(&c->result.problems, e->path, problems->v[i].path, "%s",
                                 problems->v[i].text);
    } else if (c->result.error.code == ERR_OK) {
        const char *why = error != NULL ? error->msg : "there is no compiler";
        enum err_code code = error != NULL && error->code != ERR_OK ? error->code : ERR_UNAVAILABLE;
        (void)err_set(&c->result.error, code, "%s: %s", e->label.p, why);
    }
    buf_finish(&m->source);
    c->compiling--;
    if (c->compiling == 0)
        compiled(c);
}

/* Decodes the sources; true for each that is to be compiled. */
static bool prepare_source(struct change *c, struct compilation *m)
{
    const struct change_entry *e = m->entry;
    if (!change_entry_is(e, CHANGE_PUT, MODEL_MODULE))
        return false;
    size_t max = c->sink->options.source_max;
    buf_init(&m->source, max);
    if (base64_decode(&m->source, str_of(e->resource->module.payload), NULL))
        return true;
    change_check_problem(&c->result.problems, e->path, "payload",
                         "it is not base64, or stands for more than %zu bytes "
                         "(limits.module_source_max)",
                         max);
    return false;
}

static void check_document(struct change *c, const struct change_entry *e)
{
    size_t max = c->sink->options.document_max;
    if (change_entry_is(e, CHANGE_PUT, MODEL_DOCUMENT) &&
        is_larger(e->resource->document.data, max))
        change_check_problem(&c->result.problems, e->path, "data",
                             "it has more than %zu bytes (limits.document_max)", max);
}

static void check_schema(struct change *c, const struct change_entry *e)
{
    size_t max = c->sink->options.schema_max;
    if (change_entry_is(e, CHANGE_PUT, MODEL_COLLECTION) &&
        !json_is_null(e->resource->collection.schema) &&
        is_larger(e->resource->collection.schema, max))
        change_check_problem(&c->result.problems, e->path, "schema",
                             "it has more than %zu bytes (limits.schema_max)", max);
}

static void compile(struct change *c)
{
    const struct change_host *host = &c->sink->host;
    bool *wanted = mem_calloc(c->n + 1, sizeof(wanted[0]));
    for (size_t i = 0; i < c->n; i++) {
        check_document(c, &c->entries[i]);
        check_schema(c, &c->entries[i]);
        wanted[i] = prepare_source(c, &c->compilations[i]);
        c->compiling += wanted[i];
    }
    const size_t n = c->compiling > 0 ? c->n : 0;
    for (size_t i = 0; i < n; i++) {
        struct compilation *m = &c->compilations[i];
        if (wanted[i])
            host->compile(host->user, &m->entry->resource->module, buf_str(&m->source), on_compiled,
                          m);
    }
    free(wanted);
    if (n == 0)
        compiled(c);
}

static void on_enter(struct change_scopes_user *u)
{
    validate(container_of(u, struct change, scopes));
}

static void enter(struct change *c)
{
    c->scopes.enter = on_enter;
    c->scopes.entries = c->entries;
    c->scopes.n = c->n;
    change_scopes_enter(c->sink->scopes, &c->scopes);
}

static void set_text(char **slot, const char *text)
{
    char *copy = mem_strdup(text);
    free(*slot);
    *slot = copy;
}

/* Documents and secrets remember when they were made. */
static void stamp(struct change *c)
{
    now_rfc3339(now_wall_ms(), c->time);
    for (size_t i = 0; i < c->n; i++) {
        struct change_entry *e = &c->entries[i];
        if (change_entry_is(e, CHANGE_PUT, MODEL_DOCUMENT)) {
            struct model_document *d = &e->resource->document;
            set_text(&d->created_at, e->before ? e->before->document.created_at : c->time);
            set_text(&d->updated_at, c->time);
        } else if (change_entry_is(e, CHANGE_PUT, MODEL_SECRET)) {
            struct model_secret *s = &e->resource->secret;
            set_text(&s->created_at, e->before ? e->before->secret.created_at : c->time);
            set_text(&s->updated_at, c->time);
        }
    }
}

/* The error that stands for all problems. */
static void sum_up(struct change *c)
{
    const struct model_problems *ps = &c->result.problems;
    const struct model_problem *first = &ps->v[0];
    char more[48] = "";
    if (ps->n > 1)
        (void)snprintf(more, sizeof(more), " (and %zu more problem%s)", ps->n - 1,
                       ps->n > 2 ? "s" : "");
    (void)err_set(&c->result.error, ERR_INVALID, "%s%s%.380s%s", first->path,
                  first->path[0] != '\0' ? ": " : "", first->text, more);
}

static enum err_code make_plan(struct change *c)
{
    struct change_plan_input input = {
        .entries = c->entries,
        .n = c->n,
        .meta = c->meta,
        .meta_entry = c->meta_entry,
        .meta_count = c->meta_count,
        .author = str_of(c->author),
        .source = str_of(c->source),
        .time = c->time,
    };
    input.guards = change_view_guards(c->view, &input.guard_count);
    stamp(c);
    return change_plan_create(&input, &c->plan, &c->result.error);
}

/* Leaves an error or problems, or a plan. */
static void check(struct change *c)
{
    struct change_sink *s = c->sink;
    struct err *e = &c->result.error;
    drop_plan(c);
    if (change_view_create(s->store, c->entries, c->n, s->options.default_namespace, &c->view, e) !=
        ERR_OK)
        return;
    change_check_run(c->view, s->facts, c->entries, c->n, &c->result.problems, e);
    if (c->result.problems.n > 0) {
        sum_up(c);
    } else if (e->code == ERR_OK) {
        c->schema = change_schema_collect(c->view, c->entries, c->n);
        (void)make_plan(c);
    }
    change_view_end_snapshot(c->view);
}

static void start(struct change *c)
{
    c->result.created =
        c->n == 1 && c->entries[0].command == CHANGE_PUT && c->entries[0].revision == 0;
    c->chunk = 0;
    propose(c);
}

static void on_fit(void *user, const struct err *error)
{
    struct change *c = user;
    if (error != NULL)
        c->result.error = *error;
    else if (c->result.problems.n > 0)
        sum_up(c);
    if (c->result.error.code != ERR_OK)
        end(c);
    else
        start(c);
}

static void validate(struct change *c)
{
    check(c);
    if (c->result.error.code != ERR_OK) {
        end(c);
        return;
    }
    if (c->schema != NULL)
        change_schema_run(c->schema, &c->sink->host, &c->result.problems, on_fit, c);
    else
        start(c);
}

/* The proposal on its way is part of the state. */
static void committed(struct change *c, uint64_t revision)
{
    c->result.revision = revision;
    c->lookups = 0;
    c->chunk++;
    if (c->chunk < change_plan_count(c->plan))
        propose(c);
    else
        serve(c);
}

static void on_timer(struct timeout *t)
{
    look_up(container_of(t, struct change, timer));
}

/* Waits before asking the engine what became of the proposal. */
static void wonder(struct change *c)
{
    if (c->lookups == LOOKUPS_MAX) {
        (void)err_set(&c->result.error, ERR_UNKNOWN_OUTCOME,
                      "it is not known whether the change was made: repeat it");
        end(c);
        return;
    }
    timeout_set(&c->timer, (uint64_t)LOOKUP_DELAY_MS << c->lookups);
    c->lookups++;
}

static void conflicted(struct change *c, const struct err *why)
{
    c->conflicts++;
    if (c->conflicts <= c->sink->options.conflict_retries) {
        validate(c);
        return;
    }
    (void)err_set(&c->result.error, ERR_UNAVAILABLE,
                  "other changes came in between %u times, at last: %s", c->conflicts, why->msg);
    end(c);
}

static void on_proposed(void *user, const struct engine_result *result)
{
    struct change *c = user;
    switch (result->outcome) {
    case ENGINE_COMMITTED:
        committed(c, result->revision);
        break;
    case ENGINE_CONFLICT:
        conflicted(c, &result->error);
        break;
    case ENGINE_REFUSED:
        c->result.error = result->error;
        end(c);
        break;
    case ENGINE_UNKNOWN:
    default:
        wonder(c);
        break;
    }
}

static void propose(struct change *c)
{
    uint64_t base = c->chunk > 0 ? c->result.revision : 0;
    engine_propose(c->sink->engine, change_plan_get(c->plan, c->chunk, base), on_proposed, c);
}

static void on_looked_up(void *user, const struct engine_result *result)
{
    struct change *c = user;
    if (result->outcome == ENGINE_COMMITTED)
        committed(c, result->revision);
    else if (result->outcome == ENGINE_REFUSED && result->error.code == ERR_NOT_FOUND)
        propose(c); /* with the same id: if it was on its way all the time it still counts once */
    else
        wonder(c);
}

static void look_up(struct change *c)
{
    engine_lookup(c->sink->engine, change_plan_get(c->plan, c->chunk, 0)->id, on_looked_up, c);
}

static void on_served(void *user)
{
    end(user);
}

static void serve(struct change *c)
{
    const struct change_host *host = &c->sink->host;
    if (c->n == 1 && c->entries[0].command == CHANGE_PUT)
        c->result.stored = model_encode(c->entries[0].resource, MODEL_TO_API);
    change_scopes_leave(c->sink->scopes, &c->scopes);
    host->when_served(host->user, c->result.revision, on_served, c);
}

static void end(struct change *c)
{
    struct change_sink *s = c->sink;
    if (c->result.error.code == ERR_OK && c->result.problems.n > 0)
        sum_up(c);
    change_scopes_leave(s->scopes, &c->scopes);
    drop_plan(c);
    timeout_finish(&c->timer);
    loop_unschedule(&c->begin);
    ilist_remove(&c->node);
    s->pending--;
    c->done(c->user, &c->result);
    change_free(c);
}

/* --- the sink --- */

struct change_sink *change_create(struct loop *loop, struct store *store, struct engine *engine,
                                  const struct change_host *host,
                                  const struct change_options *options)
{
    struct change_sink *s = mem_alloc(sizeof(*s));
    s->loop = loop;
    s->store = store;
    s->engine = engine;
    s->host = *host;
    s->options = *options;
    s->facts = change_facts_create();
    s->scopes = change_scopes_create(loop);
    ilist_init(&s->changes);
    return s;
}

void change_destroy(struct change_sink *s)
{
    if (s == NULL)
        return;
    while (!ilist_empty(&s->changes)) {
        struct change *c = container_of(s->changes.head.next, struct change, node);
        (void)err_set(&c->result.error, ERR_CANCELED, "the server is stopping");
        end(c);
    }
    change_scopes_destroy(s->scopes);
    change_facts_destroy(s->facts);
    free(s);
}

void change_on_applied(struct change_sink *s, const struct engine_applied *applied)
{
    if (applied->reset)
        change_facts_clear(s->facts);
    for (size_t i = 0; i < applied->key_count; i++)
        if (applied->keys[i].table == STORE_RESOURCES)
            change_facts_forget(s->facts, applied->keys[i].key);
    s->host.publish(s->host.user, applied);
}

void change_submit(struct change_sink *s, const struct change_request *request, change_done_fn done,
                   void *user)
{
    struct change *c = mem_alloc(sizeof(*c));
    assert(done != NULL);
    c->sink = s;
    c->done = done;
    c->user = user;
    c->author = mem_dup(request->author.p, request->author.len);
    c->source = mem_dup(request->source.p, request->source.len);
    c->begin.run = on_begin;
    timeout_init(&c->timer, s->loop, on_timer);
    copy_entries(c, request);
    copy_meta(c, request);
    c->compilations = mem_calloc(c->n + 1, sizeof(c->compilations[0]));
    for (size_t i = 0; i < c->n; i++)
        c->compilations[i] = (struct compilation){.change = c, .entry = &c->entries[i]};
    if (s->pending >= s->options.pending_max)
        (void)err_set(&c->result.error, ERR_UNAVAILABLE,
                      "%zu changes wait already: try again later", s->pending);
    ilist_push(&s->changes, &c->node);
    s->pending++;
    loop_schedule(s->loop, &c->begin);
}
