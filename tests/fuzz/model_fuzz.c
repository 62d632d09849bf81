/* The model decoder: what it accepts must come back from the store as it was. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/json.h"
#include "model/model.h"

enum { TEXT_MAX = 1 << 22 };

static struct buf stored_text(const struct model_resource *r)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    json_t *value = model_encode(r, MODEL_TO_STORE);
    bool ok = json_text_write(&text, value);
    assert(ok);
    json_decref(value);
    return text;
}

static void check_round_trip(const struct model_resource *r)
{
    struct buf first = stored_text(r);
    struct err e = {0};
    json_t *value = json_text_parse(buf_str(&first), &e);
    assert(value != NULL);
    struct model_problems problems = {0};
    struct model_resource *again =
        model_decode(r->kind, value, MODEL_FROM_STORE, NULL, "", &problems);
    assert(again != NULL && problems.n == 0);
    struct buf second = stored_text(again);
    assert(str_eq(buf_str(&first), buf_str(&second)));
    json_decref(model_encode(again, MODEL_TO_API));
    buf_finish(&first);
    buf_finish(&second);
    json_decref(value);
    model_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    json_t *input = json_text_parse((struct str){(const char *)data, size}, &e);
    if (input == NULL)
        return 0;
    for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
        for (enum model_source source = MODEL_FROM_API; source <= MODEL_FROM_STORE; source++) {
            struct model_problems problems = {0};
            struct model_resource *r =
                model_decode(kind, input, source, "default", "x[0]", &problems);
            assert((r == NULL) == (problems.n > 0));
            if (r != NULL)
                check_round_trip(r);
            model_destroy(r);
            model_problems_finish(&problems);
        }
    }
    json_decref(input);
    return 0;
}
