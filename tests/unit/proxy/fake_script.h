/* Modules in C, in the place of script/: a test sets what the functions of a program do, and when calls end. */
#ifndef UNIT_PROXY_FAKE_SCRIPT_H
#define UNIT_PROXY_FAKE_SCRIPT_H

#include "base/mem.h"
#include "script/script.h"
#include "testing.h"

typedef void (*fake_function)(struct script_exchange *x, struct script_outcome *o);

enum { FAKE_SCRIPT_BODY_MAX = 2000 }; /* of bodies that are collected */

/* Programs take over functions and reads_* when they are linked. */
struct fake_script {
    fake_function functions[SCRIPT_FUNCTION_COUNT];
    bool reads_request_body;
    bool reads_response_body;
    bool link_fails;
    bool parked; /* calls end with fake_script_finish() */

    unsigned links;
    unsigned programs; /* alive */
    unsigned runs;     /* alive */
    unsigned bodies_refused;
    unsigned calls[SCRIPT_FUNCTION_COUNT];
    char error_text[256]; /* what the last errorHandler was given */
    struct script_run *pending;

    unsigned pulls;
    size_t room;      /* of the last pull */
    const char *give; /* what a pull is answered with, as far as there is room; NULL: nothing */
    char fed[SCRIPT_SIDE_COUNT][4096]; /* with "." at the end, or "!" and the error */
};
static struct fake_script fake_script;

struct script_program {
    unsigned refs;
    struct fake_script made_of;
};

struct script_run {
    struct script_program *program;
    struct script_exchange *x;
    enum script_function function;
    script_done_fn done;
    void *user;
};

enum err_code script_program_create(struct script_vm *vm, const struct model_route *route,
                                    const struct model_module *const *modules, size_t count,
                                    struct script_program **ret, struct err *e)
{
    (void)vm;
    (void)route;
    fake_script.links++;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        assert_non_null(modules[i]->name);
    if (fake_script.link_fails)
        return err_set(e, ERR_INVALID, "module %s: boom", modules[0]->name);
    struct script_program *p = mem_alloc(sizeof(*p));
    p->refs = 1;
    p->made_of = fake_script;
    fake_script.programs++;
    *ret = p;
    return ERR_OK;
}

const char *script_limit_name(enum script_limit limit)
{
    return limit == SCRIPT_LIMIT_BODY ? "body" : "cpu";
}

enum script_limit script_limit_of_link(enum err_code rc)
{
    return rc == ERR_TIMEOUT ? SCRIPT_LIMIT_CPU : SCRIPT_LIMIT_COUNT;
}

uint64_t script_vm_limit_hits(const struct script_vm *vm, enum script_limit limit)
{
    (void)vm;
    (void)limit;
    return 0;
}

uint64_t script_program_fingerprint(const struct model_route *route,
                                    const struct model_module *const *modules, size_t count)
{
    (void)route;
    (void)modules;
    return 2 + count;
}

size_t script_program_body_max(const struct script_program *p)
{
    (void)p;
    return FAKE_SCRIPT_BODY_MAX;
}

void script_program_body_refused(const struct script_program *p)
{
    (void)p;
    fake_script.bodies_refused++;
}

struct script_program *script_program_ref(struct script_program *p)
{
    p->refs++;
    return p;
}

void script_program_unref(struct script_program *p)
{
    if (p == NULL || --p->refs > 0)
        return;
    fake_script.programs--;
    free(p);
}

bool script_program_has(const struct script_program *p, enum script_function f)
{
    return p->made_of.functions[f] != NULL;
}

bool script_program_reads_request_body(const struct script_program *p)
{
    return p->made_of.reads_request_body;
}

bool script_program_reads_response_body(const struct script_program *p)
{
    return p->made_of.reads_response_body;
}

struct script_run *script_run_create(struct script_program *p, struct script_exchange *x,
                                     struct arena *memory)
{
    struct script_run *r = arena_alloc(memory, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->program = script_program_ref(p);
    r->x = x;
    buf_init(&x->response_body, 4096);
    fake_script.runs++;
    return r;
}

static inline void fake_script_complete(struct script_run *r)
{
    struct script_outcome outcome = {.status = SCRIPT_OK, .limit = SCRIPT_LIMIT_COUNT};
    script_done_fn done = r->done;
    r->done = NULL;
    r->program->made_of.functions[r->function](r->x, &outcome);
    outcome.responded = outcome.status == SCRIPT_OK && r->x->response_sent;
    done(r->user, &outcome);
}

void script_run_call(struct script_run *r, enum script_function f, struct str error_text,
                     script_done_fn done, void *user)
{
    assert_null(r->done);
    assert_true(script_program_has(r->program, f));
    fake_script.calls[f]++;
    if (f == SCRIPT_ERROR_HANDLER)
        (void)snprintf(fake_script.error_text, sizeof(fake_script.error_text), "%.*s",
                       STR_ARG(error_text));
    r->function = f;
    r->done = done;
    r->user = user;
    if (fake_script.parked)
        fake_script.pending = r;
    else
        fake_script_complete(r);
}

void script_run_pull(struct script_run *r, size_t room)
{
    assert_null(r->done);
    assert_true(r->x->flows);
    fake_script.pulls++;
    fake_script.room = room;
    if (fake_script.give == NULL)
        return;
    const size_t left = strlen(fake_script.give);
    const size_t n = left < room ? left : room;
    r->x->flow->write(r->x->flow_user, (struct str){fake_script.give, n});
    fake_script.give += n;
    if (n == left)
        r->x->flow->finish(r->x->flow_user, NULL);
}

static inline void fake_script_note(enum script_side side, struct str text)
{
    char *fed = fake_script.fed[side];
    const size_t used = strlen(fed);
    (void)snprintf(fed + used, sizeof(fake_script.fed[side]) - used, "%.*s", STR_ARG(text));
}

void script_run_feed(struct script_run *r, enum script_side side, struct str data)
{
    (void)r;
    fake_script_note(side, data);
}

void script_run_feed_end(struct script_run *r, enum script_side side, const char *error)
{
    (void)r;
    fake_script_note(side, error != NULL ? STR("!") : STR("."));
    fake_script_note(side, str_of(error));
}

void script_run_destroy(struct script_run *r)
{
    if (r == NULL)
        return;
    if (fake_script.pending == r)
        fake_script.pending = NULL;
    buf_finish(&r->x->response_body);
    script_program_unref(r->program);
    fake_script.runs--;
}

/* The pending call ends. */
static inline void fake_script_finish(void)
{
    struct script_run *r = fake_script.pending;
    assert_non_null(r);
    fake_script.pending = NULL;
    fake_script_complete(r);
}

#endif
