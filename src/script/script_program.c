#include "script/script_program.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/json.h"
#include "script/entry.h"
#include "script/jsvalue.h"
#include "script/realm.h"
#include "script/script_vm.h"

enum { WRAPPED_MAX = 4 * 1024 * 1024, IMPORTS_MAX = 256 * 1024 };

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
    };
    if (e->exception != NULL)
        return false;
    (void)entry_call(e, REALM_ADD_MODULE, ARRAY_LEN(argv), argv);
    return e->exception == NULL;
}

static bool link_modules(struct script_program *p, struct entry *e, struct err *error)
{
    const JSValueRef object = p->object;
    const JSValueRef v = entry_call(e, REALM_LINK_PROGRAM, 1, &object);
    if (v == NULL)
        return false;
    if (JSValueIsNumber(p->realm->ctx, v)) {
        p->functions = (uint32_t)JSValueToNumber(p->realm->ctx, v, NULL);
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
    if (stopped == SCRIPT_CPU) {
        (void)err_set(error, ERR_INVALID, "top-level code of the modules ran longer than %llu ms",
                      (unsigned long long)p->vm->limits.cpu_ms);
    } else if (stopped != SCRIPT_OK) {
        (void)err_set(error, ERR_INVALID, "top-level code of the modules needs too much memory");
    } else if (e->exception != NULL) {
        char *text = realm_describe(p->realm, e->exception);
        (void)err_set(error, ERR_INVALID, "%s", text);
        free(text);
    }
}

static bool make(struct script_program *p, const struct model_module *const *modules, size_t count,
                 struct err *error)
{
    struct entry e;
    const uint64_t number = ++p->vm->programs_made;
    entry_begin(&e, p->realm, str_of(p->route), STR("(load)"));
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

enum err_code script_program_create(struct script_vm *vm, const struct model_route *route,
                                    const struct model_module *const *modules, size_t count,
                                    struct script_program **ret, struct err *e)
{
    const enum err_code rc = check_compiled(modules, count, e);
    if (rc != ERR_OK)
        return rc;
    script_vm_start(vm);
    struct realm *realm = realm_get(vm, str_of(route->ns), e);
    if (realm == NULL)
        return ERR_INTERNAL;
    struct script_program *p = mem_alloc(sizeof(*p));
    *p = (struct script_program){
        .refs = 1, .vm = vm, .realm = realm, .route = mem_strdup(route->name)};
    realm->programs++;
    for (size_t i = 0; i < count; i++) {
        p->reads_request |= json_is_true(json_object_get(modules[i]->compiled, "readsRequestBody"));
        p->reads_response |=
            json_is_true(json_object_get(modules[i]->compiled, "readsResponseBody"));
    }
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

static void drop(struct script_program *p)
{
    struct entry e;
    const JSValueRef object = p->object;
    entry_begin(&e, p->realm, str_of(p->route), STR("(drop)"));
    (void)entry_call(&e, REALM_DROP_PROGRAM, 1, &object);
    JSValueUnprotect(p->realm->ctx, p->object);
    (void)entry_end(&e);
}

void script_program_unref(struct script_program *p)
{
    if (p == NULL)
        return;
    assert(p->refs > 0);
    if (--p->refs > 0)
        return;
    if (p->object != NULL)
        drop(p);
    p->realm->programs--;
    free(p->route);
    free(p);
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
