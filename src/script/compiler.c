#include "script/compiler.h"

#include <JavaScriptCore/JavaScript.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "codec/json.h"
#include "script/compiler_frame.h"
#include "script/jsc_private.h"
#include "script/jsvalue.h"
#include "script/memory.h"

/* NUL-terminated: embedded by cmake/javascript.cmake. */
extern const char js_compiler[];
extern const char js_validator[];

enum { COMPILE_SECONDS = 20, EXIT_OK = 0, EXIT_BROKEN = 1 };

/* What a bundle is for: a function from the text of a request to that of its answer. */
struct task {
    const char *bundle;
    const char *name; /* of the global function */
};

enum task_kind { COMPILE, VALIDATE, TASK_COUNT };

struct compiler {
    JSContextGroupRef group;
    JSGlobalContextRef ctx;
    JSObjectRef functions[TASK_COUNT]; /* NULL: not loaded yet */
    bool stopped;                      /* the one at hand took too long */
};

static bool on_slow(JSContextRef ctx, void *user)
{
    (void)ctx;
    struct compiler *c = user;
    c->stopped = true;
    return true;
}

static void arm(struct compiler *c)
{
    c->stopped = false;
    JSContextGroupSetExecutionTimeLimit(c->group, COMPILE_SECONDS, on_slow, c);
}

static struct task task_of(enum task_kind kind)
{
    return kind == COMPILE ? (struct task){js_compiler, "dgateCompile"}
                           : (struct task){js_validator, "dgateValidate"};
}

/* The function, NULL when its bundle cannot be loaded. */
static JSObjectRef load(struct compiler *c, enum task_kind kind)
{
    const struct task task = task_of(kind);
    if (c->functions[kind] != NULL)
        return c->functions[kind];
    JSStringRef source = JSStringCreateWithUTF8CString(task.bundle);
    JSStringRef name = JSStringCreateWithUTF8CString(task.name);
    JSValueRef exception = NULL;
    (void)JSEvaluateScript(c->ctx, source, NULL, NULL, 1, &exception);
    const JSValueRef v = JSObjectGetProperty(c->ctx, JSContextGetGlobalObject(c->ctx), name, NULL);
    JSObjectRef function = exception == NULL ? JSValueToObject(c->ctx, v, NULL) : NULL;
    JSStringRelease(name);
    JSStringRelease(source);
    if (function == NULL) {
        size_t len = 0;
        char *text = exception != NULL ? jsvalue_copy(c->ctx, exception, &len) : NULL;
        log_error("compiler", "the compiler cannot be loaded: %s", text != NULL ? text : "?");
        free(text);
        return NULL;
    }
    JSValueProtect(c->ctx, function);
    c->functions[kind] = function;
    return function;
}

static void unload(struct compiler *c)
{
    for (int i = 0; i < TASK_COUNT; i++)
        if (c->functions[i] != NULL)
            JSValueUnprotect(c->ctx, c->functions[i]);
    JSGlobalContextRelease(c->ctx);
    JSContextGroupRelease(c->group);
}

/* Appends an answer that says why there is no compiled form. */
static void add_failure(struct buf *answer, struct str request, bool exhausted, const char *why)
{
    json_t *q = json_text_parse(request, NULL);
    json_t *a = json_pack("{s:I, s:b, s:b, s:[{s:i, s:i, s:s}]}", "id",
                          json_integer_value(json_object_get(q, "id")), "ok", 0, "exhausted",
                          exhausted, "problems", "line", 1, "column", 1, "text", why);
    (void)!json_text_write(answer, a);
    json_decref(a);
    json_decref(q);
}

static void answer_request(struct compiler *c, JSObjectRef function, struct str request,
                           struct buf *answer)
{
    arm(c);
    const JSValueRef text = jsvalue_decode(c->ctx, request, false);
    JSValueRef exception = NULL;
    const JSValueRef v = JSObjectCallAsFunction(c->ctx, function, NULL, 1, &text, &exception);
    if (c->stopped) {
        add_failure(answer, request, false, "it took too long");
    } else if (v == NULL) {
        size_t len = 0;
        char *why = jsvalue_copy(c->ctx, exception, &len);
        add_failure(answer, request, true, why != NULL ? why : "the compiler failed");
        free(why);
    } else if (!jsvalue_add_text(c->ctx, v, answer, NULL)) {
        buf_clear(answer);
        add_failure(answer, request, false, "the compiled form is too large");
    }
}

int compiler_serve(int fd, const struct compiler_options *options)
{
    struct compiler c = {0};
    int status = EXIT_OK;
    (void)JSConfigureSignalForGC(SIGPWR);
    c.group = JSContextGroupCreate();
    c.ctx = JSGlobalContextCreateInGroup(c.group, NULL);
    bool limited = options->memory_bytes == 0;
    struct buf request;
    struct buf answer;
    buf_init(&request, COMPILER_FRAME_MAX);
    buf_init(&answer, COMPILER_FRAME_MAX);
    while (compiler_frame_read(fd, &request)) {
        const bool validates = str_starts(buf_str(&request), STR("{\"validate\":"));
        JSObjectRef function = load(&c, validates ? VALIDATE : COMPILE);
        if (function == NULL) {
            status = EXIT_BROKEN;
            break;
        }
        if (!limited)
            memory_limit_growth(options->memory_bytes);
        limited = true;
        buf_clear(&answer);
        answer_request(&c, function, buf_str(&request), &answer);
        if (!compiler_frame_write(fd, buf_str(&answer)))
            break;
    }
    buf_finish(&answer);
    buf_finish(&request);
    unload(&c);
    return status;
}
