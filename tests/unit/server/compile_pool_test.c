/* The pool starts its own program as the compiler: here that is this test, which plays it as COMPILE_POOL_TEST says,
 * mostly badly.
 */
#include <poll.h>

#include "base/log.h"
#include "codec/json.h"
#include "io/peer.h"
#include "script/compiler.h"
#include "server/compile_pool.h"
#include "server/launch.h"
#include "store/store_temp.h"

enum { WAITING_MAX = 2, LARGE = 2 * 1024 * 1024 };

struct outcome {
    int calls;
    enum err_code code; /* OK: compiled, or refused with problems */
    char js[32];
    char problems[200];         /* one a line */
    struct compile_pool *again; /* submits once more from within */
};

static void on_compiled(void *user, json_t *compiled, struct model_problems *problems,
                        const struct err *error);

static void submit_source(struct compile_pool *p, struct outcome *o, struct str source)
{
    struct model_module m = {.name = (char[]){"m"}, .ns = (char[]){"default"}};
    compile_pool_submit(p, &m, source, on_compiled, o);
}

static void submit(struct compile_pool *p, struct outcome *o)
{
    submit_source(p, o, STR("export const x = 1"));
}

static void on_compiled(void *user, json_t *compiled, struct model_problems *problems,
                        const struct err *error)
{
    struct outcome *o = user;
    o->calls++;
    o->code = error != NULL ? error->code : ERR_OK;
    o->js[0] = '\0';
    o->problems[0] = '\0';
    assert_int_equal((compiled != NULL) + (problems != NULL) + (error != NULL), 1);
    if (compiled != NULL)
        (void)snprintf(o->js, sizeof(o->js), "%.*s",
                       STR_ARG(json_text_str(json_object_get(compiled, "js"))));
    json_decref(compiled);
    for (size_t i = 0; problems != NULL && i < problems->n; i++) {
        const size_t used = strlen(o->problems);
        (void)snprintf(o->problems + used, sizeof(o->problems) - used, "%s: %s\n",
                       problems->v[i].path, problems->v[i].text);
    }
    struct compile_pool *again = o->again;
    o->again = NULL;
    if (again != NULL)
        submit(again, o);
}

static struct compile_pool *create(uint64_t timeout_ms, uint64_t idle_ms)
{
    const struct compile_pool_options options = {.timeout_ms = timeout_ms,
                                                 .timeout_key = "limits.compile_timeout_ms",
                                                 .idle_ms = idle_ms,
                                                 .launch_fd = -1,
                                                 .waiting_max = WAITING_MAX};
    log_configure(&(struct log_setup){.level = LOG_OFF});
    return compile_pool_create(loop, &options);
}

static void play(const char *how)
{
    (void)setenv("COMPILE_POOL_TEST", how, 1); /* NOLINT(concurrency-mt-unsafe) */
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *how; /* the answer, or a way to behave */
        enum err_code code;
        const char *js;
        const char *problems;
    } cases[] = {
        {"{'id':1,'ok':true,'compiled':{'js':'x'}}", ERR_OK, "x", ""},
        {"{'id':1,'ok':true,'compiled':{}}", ERR_OK, "", ""},
        {"slowly", ERR_OK, "slow", ""},
        {"{'id':1,'ok':false,'problems':[{'line':3,'column':7,'text':'no'},{'text':'nor this'}]}",
         ERR_OK, "", "payload: line 3, column 7: no\npayload: nor this\n"},
        {"{'id':1,'ok':false,'problems':[7,{'text':7}]}", ERR_OK, "", "payload: \npayload: \n"},
        {"{'id':1,'ok':false}", ERR_OK, "", "payload: the compiler refused it without a reason\n"},
        {"{'id':1,'ok':true,'compiled':'x'}", ERR_OK, "",
         "payload: the compiler refused it without a reason\n"},
        {"{'id':1}", ERR_OK, "", "payload: the compiler refused it without a reason\n"},
        {"", ERR_INTERNAL, "", ""},
        {"{", ERR_INTERNAL, "", ""},
        {"[]", ERR_INTERNAL, "", ""},
        {"null", ERR_INTERNAL, "", ""},
        {"\xff\xfe", ERR_INTERNAL, "", ""},
        {"{'ok':true,'compiled':{'js':'x'}}", ERR_INTERNAL, "", ""},
        {"{'id':'1','ok':true,'compiled':{'js':'x'}}", ERR_INTERNAL, "", ""},
        {"{'id':2,'ok':true,'compiled':{'js':'x'}}", ERR_INTERNAL, "", ""},
        {"too large", ERR_TOO_LARGE, "", ""},
        {"half a head", ERR_INTERNAL, "", ""},
        {"half an answer", ERR_INTERNAL, "", ""},
        {"two answers", ERR_INTERNAL, "", ""},
        {"exit", ERR_INTERNAL, "", ""},
        {"is killed", ERR_INTERNAL, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = {0};
        struct compile_pool *p = create(60000, 60000);
        play(cases[i].how);
        submit(p, &o);
        until(o.calls == 1);
        if (o.code != cases[i].code || strcmp(o.js, cases[i].js) != 0 ||
            strcmp(o.problems, cases[i].problems) != 0)
            fail_msg("%s: %s, \"%s\", \"%s\"", cases[i].how, err_text(o.code), o.js, o.problems);
        compile_pool_destroy(p);
    }
}

/* It costs its own module only: the next one gets a fresh process. */
static void test_after_a_bad_answer(void **state)
{
    (void)state;
    static const char *const bad[] = {"{", "too large", "half an answer", "two answers",
                                      "is killed"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct outcome o = {0};
        struct compile_pool *p = create(60000, 60000);
        play(bad[i]);
        submit(p, &o);
        until(o.calls == 1);
        play("{'id':2,'ok':true,'compiled':{'js':'y'}}");
        submit(p, &o);
        until(o.calls == 2);
        assert_int_equal(o.code, ERR_OK);
        assert_string_equal(o.js, "y");
        compile_pool_destroy(p);
    }
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    static const char *const js[] = {"1", "2", "3"};
    struct outcome o = {0};
    struct compile_pool *p = create(60000, 60000);
    play("serve");
    for (size_t i = 0; i < ARRAY_LEN(js); i++) {
        submit(p, &o);
        until(o.calls == (int)i + 1);
        assert_int_equal(o.code, ERR_OK);
        assert_string_equal(o.js, js[i]);
    }
    compile_pool_destroy(p);
}

static bool is_closed(int fifo)
{
    struct pollfd fd = {.fd = fifo};
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR) != 0;
}

/* Between modules it says something, or has nothing to do for too long: its end of the fifo tells that it is gone. The next
 * module gets a fresh process.
 */
static void test_a_compiler_that_is_ended(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        uint64_t idle_ms;
    } cases[] = {{"serve and chat", 60000}, {"serve and wait", 1}};
    char dir[STORE_TEMP_SIZE];
    char path[STORE_TEMP_SIZE + 8];
    store_temp_create(dir);
    (void)snprintf(path, sizeof(path), "%s/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)setenv("COMPILE_POOL_FIFO", path, 1); /* NOLINT(concurrency-mt-unsafe) */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = {0};
        int fifo = -1;
        struct compile_pool *p = create(60000, cases[i].idle_ms);
        play(cases[i].how);
        submit(p, &o);
        until(o.calls == 1);
        assert_string_equal(o.js, "1");
        until((fifo = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0);
        until(is_closed(fifo));
        (void)close(fifo);
        play("serve");
        submit(p, &o);
        until(o.calls == 2);
        assert_int_equal(o.code, ERR_OK);
        assert_string_equal(o.js, "1");
        compile_pool_destroy(p);
    }
    store_temp_remove(dir);
}

/* An answer before the request was heard is none, and the rest of the request is not sent to anybody. */
static void test_an_answer_too_early(void **state)
{
    (void)state;
    static char source[LARGE];
    struct outcome o = {0};
    struct compile_pool *p = create(60000, 60000);
    memset(source, ' ', sizeof(source));
    play("early");
    submit_source(p, &o, (struct str){source, sizeof(source)});
    until(o.calls == 1);
    assert_int_equal(o.code, ERR_INTERNAL);
    play("serve");
    submit_source(p, &o, (struct str){source, sizeof(source)});
    until(o.calls == 2);
    assert_int_equal(o.code, ERR_OK);
    assert_string_equal(o.js, "1");
    compile_pool_destroy(p);
}

static void test_a_compiler_that_ends(void **state)
{
    (void)state;
    struct outcome o[2] = {{0}};
    struct compile_pool *p = create(60000, 60000);
    play("exit");
    o[0].again = p;
    submit(p, &o[0]);
    submit(p, &o[1]);
    assert_int_equal(o[0].calls, 0);
    until(o[0].calls == 2 && o[1].calls == 1);
    assert_int_equal(o[0].code, ERR_INTERNAL);
    assert_int_equal(o[1].code, ERR_INTERNAL);
    compile_pool_destroy(p);
}

/* What it fails for lack of memory may be due to garbage of other modules: a fresh process tries it again, once. */
static void test_a_compiler_that_is_worn_out(void **state)
{
    (void)state;
    static const char *const worn[] = {"serve one and exit", "serve one and be exhausted"};
    static const struct {
        const char *fresh;
        enum err_code code;
        const char *js;
        const char *problems;
    } cases[] = {
        {"serve", ERR_OK, "1", ""},
        {"exit", ERR_INTERNAL, "", ""},
        {"{'id':2,'ok':false,'exhausted':true,'problems':[{'text':'too large'}]}", ERR_OK, "",
         "payload: too large\n"},
    };
    static char source[LARGE];
    memset(source, ' ', sizeof(source));
    for (size_t i = 0; i < ARRAY_LEN(worn) * ARRAY_LEN(cases); i++) {
        const size_t k = i / ARRAY_LEN(worn);
        struct outcome o = {0};
        struct compile_pool *p = create(60000, 60000);
        play(worn[i % ARRAY_LEN(worn)]);
        submit(p, &o);
        until(o.calls == 1);
        assert_string_equal(o.js, "1");
        play(cases[k].fresh);
        submit_source(p, &o, (struct str){source, sizeof(source)});
        until(o.calls == 2);
        if (o.code != cases[k].code || strcmp(o.js, cases[k].js) != 0 ||
            strcmp(o.problems, cases[k].problems) != 0)
            fail_msg("%s: %s, \"%s\", \"%s\"", cases[k].fresh, err_text(o.code), o.js, o.problems);
        compile_pool_destroy(p);
    }
}

/* The time of the second try is limited as well. */
static void test_a_worn_out_compiler_then_one_that_hangs(void **state)
{
    (void)state;
    struct outcome o = {0};
    struct compile_pool *p = create(2000, 60000);
    play("serve one and exit");
    submit(p, &o);
    until(o.calls == 1);
    assert_int_equal(o.code, ERR_OK);
    play("hang");
    submit(p, &o);
    until(o.calls == 2);
    assert_int_equal(o.code, ERR_TIMEOUT);
    compile_pool_destroy(p);
}

/* It says nothing, or begins in time and does not end. */
static void test_a_compiler_that_hangs(void **state)
{
    (void)state;
    static const char *const how[] = {"hang", "hang in the middle"};
    for (size_t i = 0; i < ARRAY_LEN(how); i++) {
        struct outcome o = {0};
        struct compile_pool *p = create(50, 60000);
        play(how[i]);
        submit(p, &o);
        until(o.calls == 1);
        assert_int_equal(o.code, ERR_TIMEOUT);
        compile_pool_destroy(p);
    }
}

static void test_too_many_wait(void **state)
{
    (void)state;
    struct outcome o[3] = {{0}};
    struct compile_pool *p = create(60000, 60000);
    play("exit");
    for (size_t i = 0; i < ARRAY_LEN(o); i++)
        submit(p, &o[i]);
    until(o[2].calls == 1);
    assert_int_equal(o[1].code, ERR_INTERNAL);
    assert_int_equal(o[2].code, ERR_UNAVAILABLE);
    compile_pool_destroy(p);
}

/* The process has not ended yet when the loop is destroyed: the teardown asserts. */
static void test_destroyed_at_work(void **state)
{
    (void)state;
    struct outcome o[2] = {{0}};
    struct compile_pool *p = create(60000, 60000);
    play("hang");
    for (size_t i = 0; i < ARRAY_LEN(o); i++)
        submit(p, &o[i]);
    peer_turns(5);
    compile_pool_destroy(p);
    for (size_t i = 0; i < ARRAY_LEN(o); i++) {
        assert_int_equal(o[i].calls, 1);
        assert_int_equal(o[i].code, ERR_UNAVAILABLE);
    }
    compile_pool_destroy(NULL);
}

static void on_validated(void *user, const json_t *problems, const struct err *error)
{
    struct outcome *o = user;
    o->calls++;
    o->code = error != NULL ? error->code : ERR_OK;
    assert_true((problems == NULL) == (error != NULL));
    (void)snprintf(o->problems, sizeof(o->problems), "%.190s", error != NULL ? error->msg : "");
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *p = json_array_get(problems, i);
        const size_t used = strlen(o->problems);
        (void)snprintf(o->problems + used, sizeof(o->problems) - used, "%d %.*s\n",
                       (int)json_integer_value(json_object_get(p, "document")),
                       STR_ARG(json_text_str(json_object_get(p, "text"))));
    }
}

static void test_validations(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        enum err_code code;
        const char *problems;
    } cases[] = {
        {"{'id':1,'ok':true,'problems':[]}", ERR_OK, ""},
        {"{'id':1,'ok':true,'problems':[{'document':2,'text':'a'},{'text':'b'}]}", ERR_OK,
         "2 a\n0 b\n"},
        {"{'id':1,'ok':true}", ERR_INTERNAL,
         "document default/c/1: the schema cannot be applied: "},
        {"{'id':1,'ok':false,'problems':[{'text':'it took too long'}]}", ERR_INTERNAL,
         "document default/c/1: the schema cannot be applied: it took too long"},
        {"{'id':2,'ok':true,'problems':[]}", ERR_INTERNAL,
         "document default/c/1: the compiler gave no readable answer"},
        {"hang", ERR_TIMEOUT,
         "document default/c/1: validating it took too long (limits.compile_timeout_ms)"},
        {"is killed", ERR_INTERNAL,
         "document default/c/1: the compiler ended unexpectedly; it may need too much memory"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = {0};
        struct compile_pool *p = create(cases[i].code == ERR_TIMEOUT ? 50 : 60000, 60000);
        json_t *schema = json_object();
        json_t *documents = json_array();
        play(cases[i].how);
        compile_pool_validate(p, "document default/c/1", schema, documents, on_validated, &o);
        json_decref(schema);
        json_decref(documents);
        assert_int_equal(o.calls, 0);
        until(o.calls == 1);
        if (o.code != cases[i].code || strcmp(o.problems, cases[i].problems) != 0)
            fail_msg("%s: %s, \"%s\"", cases[i].how, err_text(o.code), o.problems);
        compile_pool_destroy(p);
    }
}

/* --- the compiler's side --- */

static void say(const char *p, size_t len)
{
    while (len > 0) {
        const ssize_t n = send(LAUNCH_FD_COMPILER, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            _exit(EXIT_FAILURE);
        p += n;
        len -= (size_t)n;
    }
}

static void hear(char *p, size_t len)
{
    while (len > 0) {
        const ssize_t n = recv(LAUNCH_FD_COMPILER, p, len, 0);
        if (n <= 0)
            _exit(EXIT_SUCCESS);
        p += n;
        len -= (size_t)n;
    }
}

/* The id of the request. */
static int hear_request(void)
{
    static char request[LARGE + 1000];
    unsigned char head[4];
    int id = 0;
    hear((char *)head, sizeof(head));
    const size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    if (len >= sizeof(request))
        _exit(EXIT_FAILURE);
    hear(request, len);
    if (sscanf(request, "{\"id\":%d,", &id) != 1 &&                 /* NOLINT(cert-err34-c) */
        sscanf(request, "{\"validate\":true,\"id\":%d,", &id) != 1) /* NOLINT(cert-err34-c) */
        _exit(EXIT_FAILURE);
    return id;
}

/* A frame of the JSON, written with ' for ". */
static struct str frame(const char *json)
{
    static char text[500];
    const size_t len = strlen(json);
    (void)snprintf(text, sizeof(text), "%c%c%c%c%s", (int)(len & 255), (int)(len >> 8), 0, 0, json);
    for (char *p = text + 4; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    return (struct str){text, 4 + len};
}

static void say_answer(const char *json)
{
    const struct str s = frame(json);
    say(s.p, s.len);
}

static void say_slowly(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        say(s.p + i, 1);
}

/* In one piece, so that both arrive at once. */
static void say_twice(struct str s)
{
    char both[1000];
    memcpy(both, s.p, s.len);
    memcpy(both + s.len, s.p, s.len);
    say(both, 2 * s.len);
}

/* Without reading, until the pool has closed its end. */
static void stay(void)
{
    struct pollfd fd = {.fd = LAUNCH_FD_COMPILER};
    (void)poll(&fd, 1, -1);
}

/* The second request is too much for it. */
static void serve_one(bool exits)
{
    char answer[100];
    (void)snprintf(answer, sizeof(answer), "{'id':%d,'ok':true,'compiled':{'js':'1'}}",
                   hear_request());
    say_answer(answer);
    (void)snprintf(answer, sizeof(answer), "{'id':%d,'ok':false,'exhausted':true}", hear_request());
    if (exits)
        _exit(EXIT_FAILURE);
    say_answer(answer);
    stay();
}

/* Answers with its count of requests, until the pool closes or kills it. */
static void serve(const char *fifo, bool chats)
{
    for (int n = 1;; n++) {
        char answer[100];
        const int id = hear_request();
        (void)snprintf(answer, sizeof(answer), "{'id':%d,'ok':true,'compiled':{'js':'%d'}}", id, n);
        say_answer(answer);
        if (fifo != NULL) /* opened by the test as well, when it has seen the answer */
            (void)open(fifo, O_RDONLY | O_CLOEXEC);
        if (chats)
            say_answer(answer);
    }
}

static void say_something(const char *how)
{
    const struct str answer = frame("{'id':1,'ok':true,'compiled':{'js':'slow'}}");
    if (strcmp(how, "half a head") == 0)
        say(answer.p, 2);
    else if (strcmp(how, "half an answer") == 0 || strcmp(how, "hang in the middle") == 0)
        say(answer.p, 9);
    else if (strcmp(how, "too large") == 0)
        say("\xff\xff\xff\xff", 4);
    else if (strcmp(how, "two answers") == 0)
        say_twice(answer);
    else if (strcmp(how, "slowly") == 0)
        say_slowly(answer);
    else
        say_answer(how);
}

static void behave(const char *how, const char *fifo)
{
    if (strncmp(how, "serve one", 9) == 0)
        serve_one(strcmp(how, "serve one and exit") == 0);
    if (strncmp(how, "serve", 5) == 0)
        serve(strlen(how) > 5 ? fifo : NULL, strcmp(how, "serve and chat") == 0);
    if (strcmp(how, "early") == 0)
        say_answer("{'id':1,'ok':true,'compiled':{'js':'early'}}");
    if (strcmp(how, "early") == 0 || strcmp(how, "hang") == 0)
        stay();
    if (strcmp(how, "exit") == 0)
        return;
    (void)hear_request();
    if (strcmp(how, "is killed") == 0)
        (void)raise(SIGKILL);
    say_something(how);
    if (strncmp(how, "half", 4) != 0)
        stay();
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--role") == 0) {
        const char *how = getenv("COMPILE_POOL_TEST");  /* NOLINT(concurrency-mt-unsafe) */
        const char *fifo = getenv("COMPILE_POOL_FIFO"); /* NOLINT(concurrency-mt-unsafe) */
        if (how != NULL)
            behave(how, fifo);
        _exit(EXIT_FAILURE);
    }
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_answers),
        T(test_after_a_bad_answer),
        T(test_one_after_the_other),
        T(test_a_compiler_that_is_ended),
        T(test_an_answer_too_early),
        T(test_a_compiler_that_ends),
        T(test_a_compiler_that_is_worn_out),
        T(test_a_worn_out_compiler_then_one_that_hangs),
        T(test_a_compiler_that_hangs),
        T(test_too_many_wait),
        T(test_validations),
        T(test_destroyed_at_work),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
