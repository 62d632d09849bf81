#include "server/state.h"
#include "server/state_reads.h"

static struct state world;

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    state_init(&world);
    state_put(&world, MODEL_COLLECTION, "{'name':'c'}");
    state_put(&world, MODEL_COLLECTION, "{'name':'empty'}");
    state_put(&world, MODEL_COLLECTION, "{'name':'own/path'}");
    state_put(&world, MODEL_NAMESPACE, "{'name':'far'}");
    state_put(&world, MODEL_COLLECTION, "{'name':'open','namespace':'far','visibility':'public'}");
    state_put(&world, MODEL_COLLECTION, "{'name':'shut','namespace':'far','visibility':'private'}");
    state_put(&world, MODEL_DOCUMENT, "{'id':'o1','namespace':'far','collection':'open','data':1}");
    state_put(&world, MODEL_DOCUMENT, "{'id':'s1','namespace':'far','collection':'shut','data':1}");
    for (int i = 0; i < 3; i++) {
        char text[100];
        (void)snprintf(text, sizeof(text), "{'id':'d%d','collection':'c','data':{'n':%d}}", i, i);
        state_put(&world, MODEL_DOCUMENT, text);
    }
    return 0;
}

static int teardown(void **state)
{
    state_finish(&world);
    return peer_loop_teardown(state);
}

/* What the result says: names and ids in order, "null", or the error's code. */
static void run(enum script_state_op op, const char *ns, const char *args, size_t max, char *out,
                size_t size)
{
    struct store_read *read = NULL;
    struct err e = {0};
    struct buf b;
    buf_init(&b, max);
    assert_int_equal(store_read_begin(world.store, &read, &e), ERR_OK);
    const bool ok = state_reads_run(read, op, str_of(ns), str_of(args), &b, &e);
    store_read_end(read);
    out[0] = '\0';
    if (!ok) {
        (void)snprintf(out, size, "%s", err_text(e.code));
        buf_finish(&b);
        return;
    }
    json_t *json = json_loadb(buf_str(&b).p, b.len, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    struct buf names;
    buf_init(&names, size - 1);
    json_t *list = json_is_array(json) ? json_incref(json) : json_pack("[O]", json);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "id"));
        if (name == NULL)
            name = json_string_value(json_object_get(one, "name"));
        assert_true(buf_addf(&names, "%s%s", i > 0 ? " " : "", name != NULL ? name : "null"));
    }
    (void)snprintf(out, size, "%s", buf_cstr(&names));
    buf_finish(&names);
    json_decref(list);
    json_decref(json);
    buf_finish(&b);
}

static void test_reads(void **state)
{
    (void)state;
    const char *const invalid = err_text(ERR_INVALID);
    const char *const missing = err_text(ERR_NOT_FOUND);
    const char *const forbidden = err_text(ERR_FORBIDDEN);
    const char *const large = err_text(ERR_TOO_LARGE);
    const struct {
        enum script_state_op op;
        const char *ns;
        const char *args;
        const char *result;
        size_t max;
    } cases[] = {
        {SCRIPT_GET_COLLECTION, "default", "{\"name\":\"c\"}", "c", 0},
        {SCRIPT_GET_COLLECTION, "default", "{\"name\":\"x\"}", missing, 0},
        {SCRIPT_GET_COLLECTION, "default", "{}", invalid, 0},
        {SCRIPT_GET_COLLECTION, "other", "{\"name\":\"c\"}", missing, 0},
        {SCRIPT_GET_COLLECTION, "default", "{", invalid, 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"collection\":\"c\",\"id\":\"d1\"}", "d1", 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"collection\":\"c\",\"id\":\"d9\"}", "null", 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"collection\":\"c\"}", invalid, 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"collection\":\"x\",\"id\":\"d1\"}", missing, 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"id\":\"d1\"}", invalid, 0},
        {SCRIPT_GET_DOCUMENT, "other", "{\"collection\":\"c\",\"id\":\"d1\"}", missing, 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\"}", "d0 d1 d2", 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\"}", large, 20},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"limit\":2}", "d0 d1", 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"limit\":2,\"offset\":2}", "d2",
         0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"offset\":3}", "", 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"limit\":0}", "", 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"limit\":null}", "d0 d1 d2", 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"limit\":1001}", invalid, 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"limit\":-1}", invalid, 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"limit\":\"2\"}", invalid, 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"c\",\"offset\":1.5}", invalid, 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"empty\"}", "", 0},
        {SCRIPT_GET_SECRET, "default", "{\"name\":\"none\"}", "null", 0},
        {SCRIPT_GET_SECRET, "default", "{}", "null", 0},
        {SCRIPT_STORAGE_GET, "default", "{\"key\":\"none\"}", "null", 0},
        {SCRIPT_STORAGE_GET, "default", "{}", invalid, 0},
        {SCRIPT_STORAGE_GET, "default", "{\"key\":\"a\\nb\"}", invalid, 0},
        {SCRIPT_STORAGE_LIST, "default", "{}", "", 0},
        {SCRIPT_STORAGE_LIST, "default", "{\"limit\":1001}", invalid, 0},
        {SCRIPT_STORAGE_LIST, "default", "{\"limit\":\"2\"}", invalid, 0},
        {SCRIPT_STORAGE_LIST, "default", "{}", large, 1},
        {SCRIPT_GET_COLLECTION, "default", "{\"name\":\"own/path\"}", "own/path", 0},
        {SCRIPT_GET_COLLECTION, "default", "{\"name\":\"far/open\"}", "open", 0},
        {SCRIPT_GET_COLLECTION, "default", "{\"name\":\"open\",\"namespace\":\"far\"}", "open", 0},
        {SCRIPT_GET_COLLECTION, "default", "{\"name\":\"far/shut\"}", forbidden, 0},
        {SCRIPT_GET_COLLECTION, "far", "{\"name\":\"shut\"}", "shut", 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"collection\":\"far/open\",\"id\":\"o1\"}", "o1", 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"collection\":\"far/shut\",\"id\":\"s1\"}", forbidden,
         0},
        {SCRIPT_GET_DOCUMENT, "default",
         "{\"collection\":\"shut\",\"namespace\":\"far\",\"id\":\"s1\"}", forbidden, 0},
        {SCRIPT_GET_DOCUMENT, "default", "{\"collection\":\"far/none\",\"id\":\"s1\"}", missing, 0},
        {SCRIPT_GET_DOCUMENTS, "far", "{\"collection\":\"shut\"}", "s1", 0},
        {SCRIPT_GET_DOCUMENTS, "default", "{\"collection\":\"open\",\"namespace\":\"far\"}", "o1",
         0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[200];
        run(cases[i].op, cases[i].ns, cases[i].args, cases[i].max > 0 ? cases[i].max : 100000, got,
            sizeof(got));
        if (strcmp(got, cases[i].result) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].args, got, cases[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
