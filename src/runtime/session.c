#include "runtime/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/json.h"
#include "runtime/http_json.h"
#include "runtime/problem_text.h"
#include "runtime/stage_route.h"
#include "script/script_clock.h"

extern const char js_tool_test[]; /* NUL-terminated: embedded by cmake/javascript.cmake */

enum {
    HEAD_MAX = 256 * 1024,
    CODE_MAX = 4 * 1024 * 1024,
    ANSWER_MAX = 256 * 1024 * 1024,
    ROUTES_MAX = 1000,
    QUIET_TURNS = 10, /* of the loop, in which neither JavaScript nor anything here moves */
};

static char library_name[] = "dgate/test";

struct question {
    json_t *args;
    script_state_done done;
    void *user;
};

/* An exchange that the tests know by a number. */
struct numbered {
    json_int_t id;
    struct stage_route *route;
    struct exchange *x;
};

struct session {
    struct stage stage;
    struct sources *sources;
    struct source library; /* dgate/test */
    struct source test;    /* the test file as the program's module */
    struct stage_route *program;
    struct exchange *asked; /* the request to it that is under way */
    struct {
        VEC_OF(struct stage_route *);
    } routes;
    struct {
        VEC_OF(struct numbered);
    } requests, upstreams;
    struct {
        VEC_OF(struct question);
    } questions;
    struct question next; /* done is NULL: nobody waits */
    struct {
        struct question question; /* done is NULL: nobody waits */
        uint64_t entries;         /* as they were when nothing had moved for the last time */
        unsigned quiet;           /* turns since */
    } step;
    json_t *events; /* that nobody was told of */
    json_int_t ids;
};

static void reply(const struct question *q, json_t *result, const struct err *e)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    struct err failed = {0};
    if (e == NULL && !json_text_write(&out, result))
        (void)err_set(&failed, ERR_TOO_LARGE, "the answer is too large");
    if (e == NULL && failed.code != ERR_OK)
        e = &failed;
    q->done(q->user, buf_str(&out), e);
    buf_finish(&out);
    json_decref(result);
    json_decref(q->args);
}

static void on_tool(void *user, struct str args, script_state_done done, void *done_user)
{
    struct session *s = user;
    const struct question q = {json_text_parse(args, NULL), done, done_user};
    vec_push(&s->questions, q);
}

/* --- what is asked --- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void join_problems(const struct model_problems *problems, struct err *e)
{
    struct buf text;
    buf_init(&text, ERR_MESSAGE_MAX);
    problem_text_add(&text, problems, "; ");
    (void)err_set(e, ERR_INVALID, "%s", buf_cstr(&text));
    buf_finish(&text);
}

/* The modules that the test names, which are paths below its folder, with what they import. */
static bool load_modules(struct session *s, const json_t *names, struct source_list *list,
                         struct model_problems *problems)
{
    size_t i = 0;
    const json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        const struct source *file =
            sources_find(s->sources, NULL, json_string_value(name), problems);
        if (file == NULL) {
            if (problems->n == 0)
                model_problems_add(problems, "", "there is no file for the module \"%s\"",
                                   json_string_value(name));
            return false;
        }
        if (!sources_load(s->sources, file, list, problems))
            return false;
    }
    return true;
}

static json_t *make_route(struct session *s, const json_t *args, struct err *e)
{
    if (s->routes.n >= ROUTES_MAX) {
        (void)err_set(e, ERR_TOO_LARGE, "a test file may make %d routes", ROUTES_MAX);
        return NULL;
    }
    struct model_problems problems = {0};
    struct source_list list = {0};
    struct stage_route *r = NULL;
    const json_t *service = json_object_get(args, "service");
    if (load_modules(s, json_object_get(args, "modules"), &list, &problems))
        r = stage_route_create(&s->stage, json_object_get(args, "route"),
                               json_is_object(service) ? service : NULL, &list, false, &problems);
    if (r == NULL)
        join_problems(&problems, e);
    else
        vec_push(&s->routes, r);
    vec_finish(&list);
    model_problems_finish(&problems);
    return r != NULL ? json_pack("{s:I}", "route", (json_int_t)s->routes.n) : NULL;
}

static bool read_head(const json_t *args, struct arena *a, struct http_head *head, struct err *e)
{
    *head = (struct http_head){.method = json_text_str(json_object_get(args, "method")),
                               .scheme = STR("http"),
                               .authority = json_text_str(json_object_get(args, "host")),
                               .target = json_text_str(json_object_get(args, "target")),
                               .version = HTTP_1_1,
                               .no_body = !json_is_object(json_object_get(args, "body"))};
    if (!http_head_is_token(head->method))
        (void)err_set(e, ERR_INVALID, "\"%.*s\" is not a method", STR_ARG(head->method));
    else if (head->target.len + head->authority.len > HEAD_MAX)
        (void)err_set(e, ERR_TOO_LARGE, "the path is longer than %d bytes", HEAD_MAX);
    else
        return http_json_take_fields(json_object_get(args, "headers"), a, &head->fields, e);
    return false;
}

static json_t *send_request(struct session *s, const json_t *args, struct err *e)
{
    const json_int_t number = json_integer_value(json_object_get(args, "route"));
    if (number < 1 || (size_t)number > s->routes.n) {
        (void)err_set(e, ERR_NOT_FOUND, "there is no such route");
        return NULL;
    }
    struct stage_route *r = s->routes.v[number - 1];
    struct arena a;
    struct buf body;
    struct http_head head;
    json_t *result = NULL;
    arena_init(&a, HEAD_MAX);
    buf_init(&body, ANSWER_MAX);
    if (read_head(args, &a, &head, e) &&
        http_json_take_body(json_object_get(args, "body"), &body, e) &&
        stage_route_links(r, &head, e)) {
        head.content_length = (int64_t)body.len;
        const struct numbered n = {
            ++s->ids, r, stage_route_request(r, &head, buf_str(&body), text_of(args, "address"))};
        vec_push(&s->requests, n);
        result = json_pack("{s:I}", "request", n.id);
    }
    buf_finish(&body);
    arena_finish(&a);
    return result;
}

static enum exchange_reset_code reset_code(const char *name)
{
#define X(code, text, status)                                                                      \
    if (strcmp(name, #code) == 0)                                                                  \
        return EXCHANGE_##code;
    EXCHANGE_RESETS(X)
#undef X
    return EXCHANGE_CONNECT;
}

static void fail_upstream(struct exchange *up, const char *name)
{
    const enum exchange_reset_code code = reset_code(name);
    const bool unsent =
        code == EXCHANGE_CONNECT || code == EXCHANGE_CONNECT_TIMEOUT || code == EXCHANGE_RESOLVE;
    exchange_mem_reset(up, &(struct exchange_reset){.code = code, .unsent = unsent});
}

static bool answer_upstream(struct exchange *up, const json_t *args, struct err *e)
{
    struct arena a;
    struct buf body;
    arena_init(&a, HEAD_MAX);
    buf_init(&body, ANSWER_MAX);
    const uint16_t status = (uint16_t)json_integer_value(json_object_get(args, "status"));
    struct http_head head = {
        .status = status, .reason = http_head_reason(status), .version = HTTP_1_1};
    const bool ok = http_json_take_fields(json_object_get(args, "headers"), &a, &head.fields, e) &&
                    http_json_take_body(json_object_get(args, "body"), &body, e);
    if (ok) {
        head.no_body = status == 204 || status == 304 ||
                       str_eq(exchange_mem_sent(up)->head->method, STR("HEAD"));
        head.content_length = (int64_t)body.len;
        exchange_mem_head(up, &head);
        if (!head.no_body)
            exchange_mem_data(up, buf_str(&body));
        exchange_mem_end(up, NULL);
    }
    buf_finish(&body);
    arena_finish(&a);
    return ok;
}

static json_t *take_answer(struct session *s, const json_t *args, struct err *e)
{
    const json_int_t id = json_integer_value(json_object_get(args, "id"));
    for (size_t i = 0; i < s->upstreams.n; i++) {
        if (s->upstreams.v[i].id != id)
            continue;
        struct exchange *up = s->upstreams.v[i].x;
        const char *failure = text_of(args, "fail");
        if (!up->done && failure[0] != '\0')
            fail_upstream(up, failure);
        else if (!up->done && !answer_upstream(up, args, e))
            return NULL;
        s->upstreams.v[i] = s->upstreams.v[--s->upstreams.n];
        break;
    }
    return json_null();
}

static json_t *put_secret(struct session *s, const json_t *args, struct err *e)
{
    const struct str name = json_text_str(json_object_get(args, "name"));
    const struct str value = json_text_str(json_object_get(args, "value"));
    return memory_state_put_secret(&s->stage.state, name, value, e) ? json_null() : NULL;
}

static void serve(struct session *s, const struct question *q)
{
    struct err e = {0};
    const char *op = text_of(q->args, "op");
    json_t *result = NULL;
    if (strcmp(op, "next") == 0) {
        s->next = *q;
        return;
    }
    if (strcmp(op, "step") == 0 && s->step.question.done == NULL) {
        s->step.question = *q;
        return;
    }
    if (strcmp(op, "route") == 0) {
        result = make_route(s, q->args, &e);
    } else if (strcmp(op, "request") == 0) {
        result = send_request(s, q->args, &e);
    } else if (strcmp(op, "answer") == 0) {
        result = take_answer(s, q->args, &e);
    } else if (strcmp(op, "step") == 0) {
        (void)err_set(&e, ERR_CONFLICT, "time is being moved already: await what moves it");
    } else if (strcmp(op, "clear") == 0) {
        stage_clear(&s->stage);
        result = json_null();
    } else if (strcmp(op, "secret") == 0) {
        result = put_secret(s, q->args, &e);
    } else {
        (void)err_set(&e, ERR_INVALID, "\"%s\" is not a question", op);
    }
    reply(q, result, result == NULL ? &e : NULL);
}

/* --- what happens --- */

static const char *reset_text(const struct stage_route *r, const struct exchange *x)
{
    const enum exchange_reset_code code = exchange_mem_sent(x)->reset_code;
    const char *why = code == EXCHANGE_CANCELED ? stage_route_why(r, x) : NULL;
    return why != NULL ? why : exchange_reset_text(code);
}

static json_t *response_event(json_int_t id, const struct stage_route *r, const struct exchange *x)
{
    const struct exchange_mem_sent *sent = exchange_mem_sent(x);
    json_t *event = json_pack("{s:s, s:I}", "event", "response", "id", id);
    if (sent->head != NULL) {
        (void)json_object_set_new(event, "status", json_integer(sent->head->status));
        (void)json_object_set_new(event, "headers", http_json_fields(&sent->head->fields));
        (void)json_object_set_new(event, "body", http_json_body(buf_str(&sent->data)));
    }
    if (sent->reset || sent->head == NULL)
        (void)json_object_set_new(event, "reset", json_text_string(str_of(reset_text(r, x))));
    return event;
}

static json_t *upstream_event(json_int_t id, size_t route, const struct exchange *up)
{
    const struct http_head *head = exchange_mem_sent(up)->head;
    struct buf url;
    buf_init(&url, HEAD_MAX);
    const bool ok =
        buf_addf(&url, "http://%.*s", STR_ARG(head->authority)) && buf_add(&url, head->target);
    json_t *event = json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "event", "upstream", "id", id,
                              "route", (json_int_t)route, "method", json_text_string(head->method),
                              "url", json_text_string(ok ? buf_str(&url) : STR("http://too.long/")),
                              "headers", http_json_fields(&head->fields), "body",
                              http_json_body(buf_str(&exchange_mem_sent(up)->data)));
    buf_finish(&url);
    return event;
}

static void collect_upstreams(struct session *s, size_t route)
{
    struct exchange *up = NULL;
    while ((up = stage_route_next_upstream(s->routes.v[route])) != NULL) {
        const struct numbered n = {++s->ids, s->routes.v[route], up};
        vec_push(&s->upstreams, n);
        (void)json_array_append_new(s->events, upstream_event(n.id, route + 1, up));
    }
}

static void collect_responses(struct session *s)
{
    for (size_t i = s->requests.n; i > 0; i--) {
        const struct numbered n = s->requests.v[i - 1];
        if (!stage_route_answered(n.x))
            continue;
        (void)json_array_append_new(s->events, response_event(n.id, n.route, n.x));
        stage_route_release(n.route, n.x);
        s->requests.v[i - 1] = s->requests.v[--s->requests.n];
    }
}

static bool tell(struct session *s)
{
    if (s->next.done == NULL || json_array_size(s->events) == 0)
        return false;
    const struct question q = s->next;
    s->next = (struct question){0};
    json_t *event = json_incref(json_array_get(s->events, 0));
    (void)json_array_remove(s->events, 0);
    reply(&q, event, NULL);
    return true;
}

static bool answer_questions(struct session *s)
{
    if (s->questions.n == 0)
        return false;
    const struct question q = s->questions.v[0];
    s->questions.n--;
    memmove(s->questions.v, s->questions.v + 1, s->questions.n * sizeof(q));
    serve(s, &q);
    return true;
}

/* Fires the next timer once all that the one before started has come to rest. */
static bool step(struct session *s, bool moved)
{
    if (s->step.question.done == NULL)
        return false;
    s->step.quiet = moved || s->step.entries != s->stage.entries ? 0 : s->step.quiet + 1;
    s->step.entries = s->stage.entries;
    if (s->step.quiet < QUIET_TURNS)
        return true;
    const struct question q = s->step.question;
    const json_t *until = json_object_get(q.args, "until");
    s->step.question = (struct question){0};
    s->step.quiet = 0;
    const bool fired = script_clock_step(
        script_vm_clock(s->stage.vm), json_is_number(until) ? json_number_value(until) : HUGE_VAL);
    reply(&q, json_pack("{s:b}", "fired", fired), NULL);
    return true;
}

/* False when nothing is left to do but to wait. */
static bool pump(void *user)
{
    struct session *s = user;
    bool moved = stage_route_pump(s->program);
    for (size_t i = 0; i < s->routes.n; i++) {
        moved = stage_route_pump(s->routes.v[i]) || moved;
        collect_upstreams(s, i);
    }
    collect_responses(s);
    moved = answer_questions(s) || moved;
    moved = tell(s) || moved;
    return step(s, moved) || moved;
}

/* Ends what a test left behind. */
static void settle_down(struct session *s)
{
    struct err e = {.code = ERR_CANCELED, .msg = "the test has ended"};
    for (size_t i = 0; i < s->requests.n; i++)
        stage_route_release(s->requests.v[i].route, s->requests.v[i].x);
    s->requests.n = 0;
    if (s->step.question.done != NULL)
        reply(&s->step.question, NULL, &e);
    s->step.question = (struct question){0};
    script_clock_resume(script_vm_clock(s->stage.vm));
    while (pump(s)) {
    }
    s->upstreams.n = 0;
    if (s->next.done != NULL)
        reply(&s->next, NULL, &e);
    s->next = (struct question){0};
    (void)json_array_clear(s->events);
}

/* --- the file --- */

/* Text of a JSON string, which is one of JavaScript too. */
static bool add_quoted(struct buf *b, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    const bool ok = buf_add(b, str_of(quoted));
    free(quoted);
    json_decref(string);
    return ok;
}

/* The library, which is told of the files that the test file imports, and of theirs. */
static json_t *library_code(const struct source_list *files)
{
    struct buf b;
    buf_init(&b, CODE_MAX);
    bool ok = buf_add(&b, str_of(js_tool_test)) &&
              buf_add(&b, STR("\nmodule.exports.registerFiles({__proto__: null"));
    for (size_t i = 1; ok && i < files->n; i++) {
        ok = buf_add(&b, STR(",\n")) && add_quoted(&b, files->v[i]->name) &&
             buf_add(&b, STR(": () => require(")) && add_quoted(&b, files->v[i]->name) &&
             buf_add(&b, STR(")"));
    }
    ok = ok && buf_add(&b, STR("});\n"));
    json_t *code = json_text_string(ok ? buf_str(&b) : STR("throw new Error('too many files');"));
    buf_finish(&b);
    return code;
}

/* The test file's code; it answers what the program asks of the library. */
static json_t *test_code(const struct source *file)
{
    const struct str more =
        STR("\nmodule.exports = { requestHandler: require(\"dgate/test\").requestHandler };\n");
    struct buf b;
    buf_init(&b, CODE_MAX);
    const bool ok =
        buf_add(&b, json_text_str(json_object_get(file->compiled, "js"))) && buf_add(&b, more);
    json_t *code =
        json_text_string(ok ? buf_str(&b) : STR("throw new Error('the file is too large');"));
    buf_finish(&b);
    return code;
}

static void add_import(json_t *compiled, const char *name)
{
    (void)json_array_append_new(json_object_get(compiled, "imports"), json_string(name));
    (void)json_array_append_new(json_object_get(compiled, "importPositions"),
                                json_pack("[i, i]", 1, 1));
}

static void make_sources(struct session *s, const struct source_list *files)
{
    const struct source *file = files->v[0];
    s->library = (struct source){
        .path = library_name,
        .name = library_name,
        .compiled = json_pack("{s:o, s:s, s:[], s:[], s:s, s:b, s:b}", "js", library_code(files),
                              "map", "", "imports", "importPositions", "flavour", "dgate1",
                              "readsRequestBody", 1, "readsResponseBody", 0)};
    add_import(s->library.compiled, "dgate/tool");
    add_import(s->library.compiled, "dgate/state");
    s->test = (struct source){
        .path = file->path, .name = file->name, .compiled = json_deep_copy(file->compiled)};
    (void)json_object_set_new(s->test.compiled, "js", test_code(file));
    (void)json_object_set_new(s->test.compiled, "flavour", json_string("dgate1"));
    add_import(s->test.compiled, library_name);
}

static const struct http_head ask_head = {
    .method = {"POST", 4},
    .scheme = {"http", 4},
    .authority = {"test", 4},
    .target = {"/", 1},
    .version = HTTP_1_1,
};

static bool link_program(struct session *s, const struct source_list *files,
                         struct model_problems *problems)
{
    struct source_list all = {0};
    struct err e = {0};
    vec_push(&all, &s->test);
    vec_push(&all, &s->library);
    for (size_t i = 1; i < files->n; i++)
        vec_push(&all, files->v[i]);
    s->program = stage_route_create(&s->stage, NULL, NULL, &all, false, problems);
    vec_finish(&all);
    if (s->program != NULL)
        stage_route_silence(s->program); /* results tell it */
    if (s->program != NULL && stage_route_links(s->program, &ask_head, &e))
        return true;
    if (s->program != NULL)
        model_problems_add(problems, "", "%s", e.msg);
    return false;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? mem_dup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
}

struct session *session_create(const struct config *config, struct compiler_link *compiler,
                               const char *path, struct model_problems *problems)
{
    struct session *s = mem_alloc(sizeof(*s));
    s->events = json_array();
    s->stage.tool = on_tool;
    s->stage.tool_user = s;
    stage_open(&s->stage, config);
    char *folder = folder_of(path);
    s->sources = sources_create(compiler, folder, (size_t)config->limits.module_source_max);
    free(folder);
    struct source_list files = {0};
    const struct source *file = sources_read(s->sources, path, problems);
    bool ok = file != NULL && sources_load(s->sources, file, &files, problems);
    if (ok) {
        make_sources(s, &files);
        ok = link_program(s, &files, problems);
    }
    vec_finish(&files);
    if (ok)
        return s;
    session_destroy(s);
    return NULL;
}

void session_destroy(struct session *s)
{
    if (s == NULL)
        return;
    if (s->program != NULL)
        settle_down(s);
    for (size_t i = 0; i < s->routes.n; i++)
        stage_route_destroy(s->routes.v[i]);
    stage_route_destroy(s->program);
    stage_close(&s->stage);
    sources_destroy(s->sources);
    json_decref(s->library.compiled);
    json_decref(s->test.compiled);
    json_decref(s->events);
    vec_finish(&s->routes);
    vec_finish(&s->requests);
    vec_finish(&s->upstreams);
    vec_finish(&s->questions);
    free(s);
}

/* What a response that is not the library's says. */
static void explain(const struct session *s, const struct exchange_mem_sent *sent, struct err *e)
{
    const struct config_limits *l = &s->stage.config->limits;
    json_t *body = json_text_parse(buf_str(&sent->data), NULL);
    const char *text = text_of(body, "error");
    if (strstr(text, "CPU") != NULL) {
        (void)err_set(e, ERR_TIMEOUT,
                      "the test used more than %lld ms of CPU time at a stretch "
                      "(limits.module_cpu_ms)",
                      (long long)l->module_cpu_ms);
    } else if (strstr(text, "memory") != NULL) {
        (void)err_set(e, ERR_TOO_LARGE,
                      "the modules used more than %lld MB of memory (limits.module_heap_mb)",
                      (long long)l->module_heap_mb);
    } else if (strstr(text, "too long") != NULL) {
        (void)err_set(e, ERR_TIMEOUT, "the test took longer than %lld ms (limits.module_wall_ms)",
                      (long long)l->module_wall_ms);
    } else {
        (void)err_set(e, ERR_INTERNAL, "%s", text[0] != '\0' ? text : "the test was broken off");
    }
    json_decref(body);
}

static json_t *read_answer(const struct session *s, const struct exchange *x, struct err *e)
{
    const struct exchange_mem_sent *sent = exchange_mem_sent(x);
    if (sent->head == NULL || sent->reset || sent->head->status != 200) {
        explain(s, sent, e);
        return NULL;
    }
    return json_text_parse(buf_str(&sent->data), e);
}

static bool is_answered(void *user)
{
    const struct session *s = user;
    return stage_route_answered(s->asked);
}

json_t *session_ask(struct session *s, json_t *question, struct err *e)
{
    struct buf body;
    buf_init(&body, HEAD_MAX);
    struct http_head head = ask_head;
    const bool fits = json_text_write(&body, question);
    json_decref(question);
    head.content_length = (int64_t)body.len;
    struct exchange *x = fits ? stage_route_request(s->program, &head, buf_str(&body), "") : NULL;
    buf_finish(&body);
    if (x == NULL) {
        (void)err_set(e, ERR_TOO_LARGE, "the question is too large");
        return NULL;
    }
    s->asked = x;
    stage_run(&s->stage, pump, is_answered, s);
    json_t *answer = read_answer(s, x, e);
    stage_route_release(s->program, x);
    settle_down(s);
    return answer;
}
