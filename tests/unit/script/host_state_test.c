/* dgate/state: what is asked of the host, and answers at any time. */
#include "script/script_fixture.h"

struct asked {
    const char *call;
    enum script_state_op op;
    const char *args;
    const char *given;   /* instead of what the host answers */
    const char *subject; /* what errors name */
};

static const struct asked ASKED[] = {
    {"s.getCollection('c')", SCRIPT_GET_COLLECTION, .args = "{\"name\":\"c\"}"},
    {"s.getDocument('1', 'c')", SCRIPT_GET_DOCUMENT, .args = "{\"id\":\"1\",\"collection\":\"c\"}"},
    {"s.getDocuments({ collection: 'c', limit: 5 })", SCRIPT_GET_DOCUMENTS,
     .args = "{\"collection\":\"c\",\"limit\":5}"},
    {"s.addCollection({ name: 'c' })", SCRIPT_PUT_COLLECTION, .args = "{\"name\":\"c\"}",
     .subject = "collection default/c"},
    {"s.addDocument({ id: '1', collection: 'c', data: { a: [1] } })", SCRIPT_PUT_DOCUMENT,
     .args = "{\"id\":\"1\",\"collection\":\"c\",\"data\":{\"a\":[1]}}",
     .subject = "document default/c/1"},
    {"s.setDocument({ id: '1', collection: 'c', data: null })", SCRIPT_PUT_DOCUMENT,
     .args = "{\"id\":\"1\",\"collection\":\"c\",\"data\":null}",
     .subject = "document default/c/1"},
    {"s.deleteCollection('c')", SCRIPT_DELETE_COLLECTION, .args = "{\"name\":\"c\"}",
     .given = "{\"name\":\"c\"}"},
    {"s.deleteCollection({ name: 'c', type: 'document' })", SCRIPT_DELETE_COLLECTION,
     .args = "{\"name\":\"c\"}", .given = "{\"name\":\"c\",\"type\":\"document\"}"},
    {"s.deleteDocument({ id: '1', collection: 'c', data: 2 })", SCRIPT_DELETE_DOCUMENT,
     .args = "{\"id\":\"1\",\"collection\":\"c\"}",
     .given = "{\"id\":\"1\",\"collection\":\"c\",\"data\":2}"},
    {"s.deleteDocument('1', 'c')", SCRIPT_DELETE_DOCUMENT,
     .args = "{\"id\":\"1\",\"collection\":\"c\"}", .given = "{\"id\":\"1\",\"collection\":\"c\"}"},
};

static void asks_the_host(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(ASKED); i++) {
        char source[512];
        (void)snprintf(source, sizeof(source),
                       "import * as s from 'dgate/state';\nexport async function "
                       "requestHandler(ctx: any) { try { ctx.response().json(await %s); }\n"
                       "  catch (e: any) { ctx.response().send('! ' + e.message); } }",
                       ASKED[i].call);
        fixture_module(f, source);
        for (int round = 0; round < 2; round++) {
            fixture_begin(f);
            fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
            assert_int_equal(f->question_count, 1);
            struct fixture_question q = f->questions[0];
            f->question_count = 0;
            assert_int_equal(q.op, ASKED[i].op);
            assert_string_equal(q.args, ASKED[i].args);
            assert_string_equal(q.module, "m");
            free(q.args);
            free(q.module);
            loop_turn(f->loop, false);
            assert_false(f->done);
            const struct err e = {ERR_CONFLICT, "no such collection"};
            q.done(q.user, round == 0 ? STR("{\"found\":\"\xc3\xa4\"}") : STR(""),
                   round == 0 ? NULL : &e);
            assert_true(f->done);
            char failed[100];
            (void)snprintf(failed, sizeof(failed), "! %s%sno such collection",
                           ASKED[i].subject != NULL ? ASKED[i].subject : "",
                           ASKED[i].subject != NULL ? ": " : "");
            const char *given =
                ASKED[i].given != NULL ? ASKED[i].given : "{\"found\":\"\xc3\xa4\"}";
            assert_string_equal(buf_cstr(&f->x.response_body), round == 0 ? given : failed);
        }
    }
    fixture_destroy(f);
}

static void answer_at_once(void *user, const struct script_state_request *request,
                           script_state_done done, void *done_user)
{
    (void)user;
    assert_true(str_eq(request->ns, STR("default")));
    assert_true(str_eq(request->module, STR("m")));
    done(done_user, STR("[1,2]"), NULL);
}

/* The host may answer before it returns: while JavaScript still runs. */
static void an_answer_may_come_at_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    script_vm_destroy(f->vm);
    const struct script_host host = {
        .user = f, .state = answer_at_once, .log = fixture_log, .running = fixture_running};
    f->vm = script_vm_create(f->loop, &f->limits, &host);
    fixture_module(f, "import { getDocuments } from 'dgate/state';\nexport async function "
                      "requestHandler(ctx: any) {\n"
                      "  const all = await Promise.all([getDocuments({ collection: 'a' }), "
                      "getDocuments({ collection: 'b' })]); ctx.response().json(all); }");
    assert_string_equal(fixture_handle(f), "[[1,2],[1,2]]");
    fixture_begin(f);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    fixture_end_run(f); /* before the answers are told */
    loop_turn(f->loop, false);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(asks_the_host),
    cmocka_unit_test(an_answer_may_come_at_once),
};

FIXTURE_MAIN(tests)
