#include "script/realm.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "script/entry.h"
#include "script/host.h"
#include "script/jsc_private.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"

extern const char js_runtime[]; /* NUL-terminated: embedded by cmake/javascript.cmake */

static JSStringRef constant(const char *text)
{
    return JSStringCreateWithUTF8CString(text);
}

static void set_property(JSContextRef ctx, JSObjectRef object, const char *name, JSValueRef value)
{
    JSStringRef key = constant(name);
    JSObjectSetProperty(ctx, object, key, value, kJSPropertyAttributeNone, NULL);
    JSStringRelease(key);
}

static void disable_eval(JSGlobalContextRef ctx)
{
    JSStringRef message = constant("eval and Function are not available in modules");
    JSGlobalContextSetEvalEnabled(ctx, false, message);
    JSStringRelease(message);
}

/* Called by host.install([...]) of the runtime library. */
bool realm_install(struct realm *r, JSObjectRef functions)
{
    for (unsigned i = 0; i < REALM_FUNCTION_COUNT; i++) {
        const JSValueRef v = JSObjectGetPropertyAtIndex(r->ctx, functions, i, NULL);
        JSObjectRef function = JSValueToObject(r->ctx, v, NULL);
        if (function == NULL || !JSObjectIsFunction(r->ctx, function))
            return false;
        JSValueProtect(r->ctx, function);
        r->functions[i] = function;
    }
    return true;
}

/* The runtime library's text: one for all contexts of the process. */
static JSStringRef runtime_source(void)
{
    static JSStringRef source;
    if (source == NULL)
        source = constant(js_runtime);
    return source;
}

static bool load_runtime(struct realm *r)
{
    struct entry e;
    entry_begin(&e, r, NULL, NULL, STR("(start)"));
    set_property(r->ctx, JSContextGetGlobalObject(r->ctx), "dgateHost", host_object(r->ctx));
    JSStringRef url = constant("dgate:runtime");
    JSValueRef exception = NULL;
    /* NOLINTNEXTLINE(readability-suspicious-call-argument): the names only happen to be alike */
    (void)JSEvaluateScript(r->ctx, runtime_source(), NULL, url, 1, &exception);
    JSStringRelease(url);
    engine_drain(r->engine);
    if (exception != NULL) {
        size_t len = 0;
        char *text = jsvalue_copy(r->ctx, exception, &len);
        log_error("script", "the runtime library failed: %s", text != NULL ? text : "?");
        free(text);
    }
    return entry_end(&e) == SCRIPT_OK && exception == NULL && r->functions[REALM_REJECTED] != NULL;
}

static struct realm *create(struct script_engine *engine, struct str ns)
{
    struct realm *r = mem_alloc(sizeof(*r));
    r->vm = engine->vm;
    r->engine = engine;
    r->ns = mem_dup(ns.p, ns.len);
    r->ctx = JSGlobalContextCreateInGroup(engine->group, NULL);
    disable_eval(r->ctx);
    hmap_add(&engine->realms, &r->node, str_of(r->ns));
    return r;
}

struct realm *realm_get(struct script_engine *engine, struct str ns, struct err *e)
{
    struct hmap_node *n = hmap_get(&engine->realms, ns);
    if (n != NULL)
        return container_of(n, struct realm, node);
    struct realm *r = create(engine, ns);
    if (!load_runtime(r)) {
        realm_destroy(r);
        (void)err_set(e, ERR_INTERNAL, "the JavaScript context of namespace %.*s cannot be made",
                      STR_ARG(ns));
        return NULL;
    }
    JSGlobalContextSetUnhandledRejectionCallback(r->ctx, r->functions[REALM_REJECTED], NULL);
    return r;
}

void realm_destroy(struct realm *r)
{
    assert(r->programs == 0);
    hmap_remove(&r->engine->realms, &r->node);
    for (size_t i = 0; i < REALM_FUNCTION_COUNT; i++)
        if (r->functions[i] != NULL)
            JSValueUnprotect(r->ctx, r->functions[i]);
    JSGlobalContextRelease(r->ctx);
    free(r->ns);
    free(r);
}

static void sweep(struct realm *r)
{
    struct entry e;
    entry_begin(&e, r, NULL, NULL, STR("(housekeeping)"));
    (void)entry_call(&e, REALM_SWEEP, 0, NULL);
    (void)entry_end(&e);
}

void realm_housekeep(struct script_engine *engine)
{
    struct realm *unused = NULL;
    hmap_for_each (n, &engine->realms) {
        struct realm *r = container_of(n, struct realm, node);
        if (r->programs > 0)
            sweep(r);
        else if (r->idle)
            unused = r; /* one a turn is enough */
        r->idle = r->programs == 0;
    }
    if (unused != NULL)
        realm_destroy(unused);
}

char *realm_describe(struct realm *r, JSValueRef thrown, size_t *ret_len)
{
    static const char unknown[] = "an error that cannot be shown";
    JSValueRef text =
        JSObjectCallAsFunction(r->ctx, r->functions[REALM_DESCRIBE], NULL, 1, &thrown, NULL);
    engine_drain(r->engine);
    char *copy = text != NULL ? jsvalue_copy(r->ctx, text, ret_len) : NULL;
    if (copy != NULL)
        return copy;
    *ret_len = sizeof(unknown) - 1;
    return mem_strdup(unknown);
}
