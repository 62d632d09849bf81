#include "admin/admin_input.h"

#include "admin/admin_reply.h"
#include "codec/json.h"

enum { SHOWN = 100 };

static int shown(struct str s)
{
    return (int)(s.len < SHOWN ? s.len : SHOWN);
}

void admin_input_set(json_t *body, const char *field, struct str value,
                     struct model_problems *problems)
{
    if (value.len == 0)
        return;
    const json_t *given = json_object_get(body, field);
    struct str text = json_text_str(given);
    if (given != NULL && !json_is_string(given))
        return; /* the model complains */
    if (text.len > 0 && !str_eq(text, value)) {
        model_problems_add(problems, field, "is \"%.*s\", but \"%.*s\" in the path or query",
                           shown(text), text.p, shown(value), value.p);
    } else {
        (void)json_object_set_new(body, field, json_text_string(value));
    }
}

struct str admin_input_text(const json_t *body, const char *field, struct str absent,
                            struct model_problems *problems)
{
    const json_t *given = json_object_get(body, field);
    struct str text = json_text_str(given);
    if (given != NULL && !json_is_string(given))
        model_problems_add(problems, field, "expected a string");
    else if (text.len == 0 && absent.len == 0)
        model_problems_add(problems, field, "is required");
    return text.len > 0 ? text : absent;
}

void admin_input_put(struct admin_request *rq, json_t *body, struct model_problems *problems)
{
    const char *ns = rq->admin->options.default_namespace ? "default" : NULL;
    struct model_resource *r = model_decode(rq->kind, body, MODEL_FROM_API, ns, "", problems);
    json_decref(body);
    if (problems->n > 0) {
        admin_reply_problems(rq, problems);
        model_destroy(r);
    } else {
        admin_request_put(rq, r);
    }
    model_problems_finish(problems);
}

void admin_input_delete(struct admin_request *rq, const struct model_ref *ref,
                        struct model_problems *problems)
{
    if (problems->n > 0)
        admin_reply_problems(rq, problems);
    else
        admin_request_delete(rq, ref);
    model_problems_finish(problems);
}
