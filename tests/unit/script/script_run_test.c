/* The five functions, in every form that modules write them. */
#include "script/script_fixture.h"

static void answers_at_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, "export function requestHandler(ctx: any) { ctx.response().status(201).send('hi ' + ctx.pathParam('id')); }");
    assert_string_equal(fixture_handle(f), "hi 42");
    assert_int_equal(f->status, SCRIPT_OK);
    assert_true(f->responded);
    assert_int_equal(f->x.response_status, 201);
    assert_string_equal(fixture_header(&f->x.response_fields, "content-type"), "text/plain; charset=utf-8");
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers_at_once),
};

FIXTURE_MAIN(tests)
