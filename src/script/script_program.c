#include "script/script_program.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "codec/json.h"
#include "script/entry.h"
#include "script/jsvalue.h"
#include "script/realm.h"
#include "script/script_run.h"
#include "script/script_vm.h"

enum { WRAPPED_MAX = 4 * 1024 * 1024, IMPORTS_MAX = 256 * 1024, ROUTE_TEXT_MAX = 4 * 1024 * 1024 };

static struct str member(const json_t *object, const char *key)
{
    return json_text_str(json_object_get(object, key));
}

/* [{"name","line","column"}, ...] from the compiled form's two arrays. */
static JSValueRef imports_of(JSContextRef ctx, const json_t *compiled)
{
    const json_t *names = json_object_get(compiled, "imports");
    const json_t *positions = json_object_get(compiled, "importPositions");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *at = json_array_get(positions, i);
        (void)json_array_append_new(list,
                                    json_pack("{s:O, s:I, s:I}", "name", json_array_get(names, i),
                                              "line", json_integer_value(json_array_get(at, 0)),
                                              "column", json_integer_value(json_array_get(at, 1))));
    }
    struct buf text;
    buf_init(&text, IMPORTS_MAX);
    const bool fits = json_text_write(&text, list);
    const JSValueRef v = jsvalue_text(ctx, fits ? buf_str(&text) : STR("[]"));
    buf_finish(&text);
    json_decref(list);
    return v;
}

/* The module's code as a function expression, evaluated under url. The runtime library knows that one line comes before. */
static JSValueRef wrap(JSContextRef ctx, struct str js, struct str url, JSValueRef *exception)
{
    struct buf text;
    buf_init(&text, WRAPPED_MAX);
    if (!buf_addf(&text, "(function (exports, require, module, console) {\n") ||
        !buf_add(&text, js) || !buf_addf(&text, "\n})")) {
        buf_finish(&text);
        return jsvalue_throw(ctx, exception, "the compiled code is larger than %d bytes",
                             WRAPPED_MAX);
    }
    JSStringRef source = jsvalue_string(buf_str(&text));
    JSStringRef name = jsvalue_string(url);
    /* NOLINTNEXTLINE(readability-suspicious-call-argument): the names only happen to be alike */
    const JSValueRef v = JSEvaluateScript(ctx, source, NULL, name, 1, exception);
    JSStringRelease(name);
    JSStringRelease(source);
    buf_finish(&text);
    return v;
}

static bool reads(const struct model_module *m, const char *what)
{
    return json_is_true(json_object_get(m->compiled, what));
}

static bool add_module(struct script_program *p, struct entry *e, uint64_t number,
                       const struct model_module *m)
{
    JSContextRef ctx = p->realm->ctx;
    char url[512];
    (void)snprintf(url, sizeof(url), "dgate:%llu/%s", (unsigned long long)number, m->name);
    e->exception = NULL;
    const JSValueRef wrapper = wrap(ctx, member(m->compiled, "js"), str_of(url), &e->exception);
    const JSValueRef argv[] = {
        p->object,
        jsvalue_text(ctx, str_of(m->name)),
        jsvalue_text(ctx, str_of(url)),
        wrapper != NULL ? wrapper : JSValueMakeUndefined(ctx),
        jsvalue_text(ctx, member(m->compiled, "map")),
        imports_of(ctx, m->compiled),
        jsvalue_text(ctx, member(m->compiled, "flavour")),
        JSValueMakeBoolean(ctx, reads(m, "readsResponseBody")),
    };
    if (e->exception != NULL)
        return false;
    (void)entry_call(e, REALM_ADD_MODULE, ARRAY_LEN(argv), argv);
    return e->exception == NULL;
}

static uint32_t number_at(JSContextRef ctx, JSObjectRef list, unsigned at)
{
    const double n = JSValueToNumber(ctx, JSObjectGetPropertyAtIndex(ctx, list, at, NULL), NULL);
    return n > 0 && n < UINT32_MAX ? (uint32_t)n : 0;
}

/* [a bit for each function there is, the first unit of each] */
static void take_functions(struct script_program *p, JSObjectRef list)
{
    p->functions = number_at(p->realm->ctx, list, 0);
    for (unsigned i = 0; i < SCRIPT_FUNCTION_COUNT; i++) {
        const uint32_t unit = number_at(p->realm->ctx, list, i + 1);
        p->first[i] = unit < p->unit_count ? unit : 0;
    }
}

static bool link_modules(struct script_program *p, struct entry *e, struct err *error)
{
    const JSValueRef object = p->object;
    const JSValueRef v = entry_call(e, REALM_LINK_PROGRAM, 1, &object);
    if (v == NULL)
        return false;
    if (JSValueIsObject(p->realm->ctx, v)) {
        take_functions(p, JSValueToObject(p->realm->ctx, v, NULL));
        return true;
    }
    size_t len = 0;
    char *text = jsvalue_copy(p->realm->ctx, v, &len);
    (void)err_set(error, ERR_INVALID, "%s", text != NULL ? text : "linking failed");
    free(text);
    return false;
}

/* Why linking did not end well, when nothing has said so yet. */
static void explain(struct script_program *p, struct entry *e, enum script_status stopped,
                    struct err *error)
{
    if (stopped != SCRIPT_OK) {
        struct script_limits limits = p->vm->limits;
        limits.cpu_ms = p->cpu_ms;
        const struct unit *unit = script_program_unit(p, e->place.module);
        const char *module = unit != NULL ? unit->name : "the modules";
        char *text = script_run_limit_text(module, e->place.function, stopped, &limits);
        (void)err_set(error, stopped == SCRIPT_CPU ? ERR_TIMEOUT : ERR_TOO_LARGE, "%s", text);
        free(text);
    } else if (e->exception != NULL) {
        size_t len = 0;
        char *text = realm_describe(p->realm, e->exception, &len);
        (void)err_set(error, ERR_INVALID, "%s", text);
        free(text);
    }
}

static bool make(struct script_program *p, const struct model_module *const *modules, size_t count,
                 struct err *error)
{
    struct entry e;
    const uint64_t number = ++p->vm->programs_made;
    entry_begin(&e, p->realm, p, NULL, STR("(top-level code)"));
    const JSValueRef object = entry_call(&e, REALM_CREATE_PROGRAM, 0, NULL);
    bool ok = object != NULL;
    if (ok) {
        JSValueProtect(p->realm->ctx, object);
        p->object = JSValueToObject(p->realm->ctx, object, NULL);
    }
    for (size_t i = 0; ok && i < count; i++)
        ok = add_module(p, &e, number, modules[i]);
    ok = ok && link_modules(p, &e, error);
    const enum script_status stopped = entry_end(&e);
    if (stopped != SCRIPT_OK)
        p->vm->limit_hits[stopped == SCRIPT_CPU ? SCRIPT_LIMIT_CPU : SCRIPT_LIMIT_HEAP]++;
    if (!ok || stopped != SCRIPT_OK)
        explain(p, &e, stopped, error);
    return ok && stopped == SCRIPT_OK;
}

static enum err_code check_compiled(const struct model_module *const *modules, size_t count,
                                    struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (!json_is_string(json_object_get(modules[i]->compiled, "js")))
            return err_set(e, ERR_INVALID, "%s: the module has no compiled form", modules[i]->name);
    return ERR_OK;
}

static void add_units(struct script_program *p, const struct model_module *const *modules,
                      size_t count)
{
    const uint64_t now = loop_now_ms(p->vm->loop);
    p->units = mem_calloc(count, sizeof(*p->units));
    for (size_t i = 0; i < count; i++) {
        struct unit *u = &p->units[p->unit_count++];
        unit_init(u, modules[i], &p->vm->limits, now);
        if (u->limits.cpu_ms > p->cpu_ms)
            p->cpu_ms = u->limits.cpu_ms;
        p->reads_request |= reads(modules[i], "readsRequestBody");
        p->reads_response |= reads(modules[i], "readsResponseBody");
    }
}

enum err_code script_program_create(struct script_vm *vm, const struct model_route *route,
                                    const struct model_module *const *modules, size_t count,
                                    struct script_program **ret, struct err *e)
{
    const enum err_code rc = check_compiled(modules, count, e);
    if (rc != ERR_OK)
        return rc;
    script_vm_start(vm);
    struct script_engine *engine = engine_current(vm);
    struct realm *realm = realm_get(engine, str_of(route->ns), e);
    if (realm == NULL)
        return ERR_INTERNAL;
    struct script_program *p = mem_alloc(sizeof(*p));
    *p = (struct script_program){
        .refs = 1,
        .vm = vm,
        .realm = realm,
        .route = mem_strdup(route->name),
        .window_ms = loop_now_ms(vm->loop),
    };
    p->place = (struct script_place){.ns = str_of(realm->ns),
                                     .route = str_of(p->route),
                                     .program = script_program_fingerprint(route, modules, count)};
    ilist_init(&p->runs);
    ilist_push(&engine->programs, &p->node);
    realm->programs++;
    add_units(p, modules, count);
    struct err error = {.code = ERR_INTERNAL, .msg = "the modules cannot be linked"};
    if (!make(p, modules, count, &error)) {
        script_program_unref(p);
        return err_set(e, error.code, "%s", error.msg);
    }
    *ret = p;
    return ERR_OK;
}

struct script_program *script_program_ref(struct script_program *p)
{
    p->refs++;
    return p;
}

/* Takes it out of its VM. */
static void leave(struct script_program *p)
{
    struct script_engine *engine = p->realm->engine;
    if (p->object != NULL)
        JSValueUnprotect(p->realm->ctx, p->object);
    p->object = NULL;
    p->realm->programs--;
    p->realm = NULL;
    p->place.ns = (struct str){0};
    ilist_remove(&p->node);
    engine_program_gone(engine);
}

static void drop(struct script_program *p)
{
    struct entry e;
    const JSValueRef object = p->object;
    entry_begin(&e, p->realm, p, NULL, STR("(drop)"));
    (void)entry_call(&e, REALM_DROP_PROGRAM, 1, &object);
    (void)entry_end(&e);
}

void script_program_abandon(struct script_program *p)
{
    ilist_for_each_safe (n, next, &p->runs) {
        script_run_abandon(container_of(n, struct script_run, node));
    }
    leave(p);
}

void script_program_unref(struct script_program *p)
{
    if (p == NULL)
        return;
    assert(p->refs > 0);
    if (--p->refs > 0)
        return;
    if (p->realm != NULL && p->object != NULL)
        drop(p);
    if (p->realm != NULL)
        leave(p);
    for (size_t i = 0; i < p->unit_count; i++)
        unit_finish(&p->units[i]);
    free(p->units);
    free(p->route);
    free(p);
}

uint64_t script_program_fingerprint(const struct model_route *route,
                                    const struct model_module *const *modules, size_t count)
{
    const struct model_resource whole = {.kind = MODEL_ROUTE, .route = *route};
    struct buf text;
    buf_init(&text, ROUTE_TEXT_MAX);
    json_t *object = model_encode(&whole, MODEL_TO_STORE);
    const bool whole_text = json_text_write(&text, object);
    json_decref(object);
    uint64_t h = hash_bytes(count + (whole_text ? 1 : 2), buf_str(&text));
    buf_finish(&text);
    for (size_t i = 0; i < count; i++) {
        const struct model_module *m = modules[i];
        const struct str limits = {(const char *)&m->limits, sizeof(m->limits)};
        h = hash_bytes(h, str_of(m->name));
        h = hash_bytes(h, m->payload != NULL ? str_of(m->payload) : STR(""));
        h = hash_bytes(h, limits);
        h = hash_bytes(h + (uint64_t)m->api, STR(""));
    }
    return h > 1 ? h : 2;
}

struct unit *script_program_unit(struct script_program *p, struct str name)
{
    for (size_t i = 0; i < p->unit_count; i++)
        if (str_eq(name, unit_name(&p->units[i])))
            return &p->units[i];
    return NULL;
}

static struct script_place place_of(const struct script_program *p, const struct unit *unit)
{
    struct script_place place = p->place;
    if (unit != NULL)
        place.module = unit_name(unit);
    return place;
}

void script_program_count(struct script_program *p, const struct unit *unit, enum script_function f,
                          enum script_status status)
{
    const struct script_limits *l = &p->vm->limits;
    const uint64_t now = loop_now_ms(p->vm->loop);
    if (now - p->window_ms > l->stops_window_ms) {
        p->window_ms = now;
        p->calls = 0;
        p->stops = 0;
    }
    p->calls++;
    if (status != SCRIPT_CPU && status != SCRIPT_HEAP)
        return;
    p->stops++;
    if (l->stops_max == 0 || p->stops < l->stops_max || (uint64_t)p->stops * 2 < p->calls ||
        p->vm->host.offend == NULL)
        return;
    struct script_place who = place_of(p, unit);
    who.function = script_function_name(f);
    p->vm->host.offend(p->vm->host.user, &who, p->stops);
    p->stops = 0;
    p->calls = 0;
}

static void tell_dropped(const struct script_program *p, struct unit *unit)
{
    const uint64_t n = unit_take_dropped(unit);
    if (n == 0)
        return;
    char text[160];
    (void)snprintf(text, sizeof(text), "%llu lines were dropped (limit log: %u lines a second)",
                   (unsigned long long)n, (unsigned)unit->limits.log_rate);
    const struct script_place from = place_of(p, unit);
    p->vm->limit_hits[SCRIPT_LIMIT_LOG] += n;
    if (p->vm->host.log != NULL)
        p->vm->host.log(p->vm->host.user, LOG_WARN, &from, str_of(text));
}

void script_program_housekeep(struct script_engine *engine)
{
    ilist_for_each (n, &engine->programs) {
        const struct script_program *p = container_of(n, struct script_program, node);
        for (size_t i = 0; i < p->unit_count; i++)
            tell_dropped(p, &p->units[i]);
    }
}

size_t script_program_body_max(const struct script_program *p)
{
    size_t most = 0;
    for (size_t i = 0; i < p->unit_count; i++)
        if (p->units[i].limits.body_max > most)
            most = p->units[i].limits.body_max;
    return most;
}

void script_program_body_refused(const struct script_program *p)
{
    p->vm->limit_hits[SCRIPT_LIMIT_BODY]++;
}

bool script_program_has(const struct script_program *p, enum script_function f)
{
    return (p->functions & (1U << f)) != 0;
}

bool script_program_reads_request_body(const struct script_program *p)
{
    return p->reads_request;
}

bool script_program_reads_response_body(const struct script_program *p)
{
    return p->reads_response;
}
