/* An admin over a store of its own and a change sink that the test plays; requests are exchanges in memory. */
#ifndef UNIT_ADMIN_FIXTURE_H
#define UNIT_ADMIN_FIXTURE_H

#include "admin/admin.h"
#include "base/container.h"
#include "base/log.h"
#include "base/mem.h"
#include "change/change.h"
#include "codec/json.h"
#include "http/exchange_mem.h"
#include "store/store.h"
#include "store/store_temp.h"
#include "testing.h"

enum { FIXTURE_BODY_MAX = 2000, FIXTURE_TEXT_MAX = 4096 };

/* The sink: it remembers what was submitted until the test finishes it. */
struct change_sink {
    size_t submitted;
    char text[FIXTURE_TEXT_MAX]; /* "PUT {...}" or "DELETE route default/x", of the last one */
    char author[64];
    json_t *put; /* the resource of the last one, as the API shows it */
    change_done_fn done;
    void *user;
};

struct fixture {
    char dir[STORE_TEMP_SIZE];
    struct store *store;
    struct change_sink sink;
    struct admin_options options;
    struct admin *admin;
    struct exchange *x; /* of the last request */
    json_t *json;       /* its answer */
    bool ready;
    uint64_t revision;
};

static inline bool fixture_ready(void *user)
{
    const struct fixture *f = user;
    return f->ready;
}

static inline bool fixture_metrics(void *user, struct buf *out)
{
    const struct fixture *f = user;
    return buf_addf(out, "dgate_x %d\n", f->ready);
}

static inline void fixture_text(const json_t *json, char *out)
{
    struct buf b;
    buf_init(&b, FIXTURE_TEXT_MAX - 16);
    assert_true(json_text_write(&b, json));
    (void)snprintf(out, FIXTURE_TEXT_MAX - 16, "%.*s", STR_ARG(buf_str(&b)));
    buf_finish(&b);
}

void change_submit(struct change_sink *c, const struct change_request *request, change_done_fn done,
                   void *user)
{
    assert_int_equal(request->item_count, 1);
    assert_true(str_eq(request->source, STR("admin")));
    assert_null(c->done);
    const struct change_item *item = &request->items[0];
    json_decref(c->put);
    c->put = NULL;
    if (item->command == CHANGE_PUT) {
        c->put = model_encode(item->resource, MODEL_TO_API);
        memcpy(c->text, "PUT ", 4);
        fixture_text(c->put, c->text + 4);
        model_destroy(item->resource);
    } else {
        char label[MODEL_LABEL_SIZE];
        model_ref_label(&item->ref, label);
        (void)snprintf(c->text, sizeof(c->text), "DELETE %s", label);
    }
    (void)snprintf(c->author, sizeof(c->author), "%.*s", STR_ARG(request->author));
    c->submitted++;
    c->done = done;
    c->user = user;
}

static inline void fixture_open(struct fixture *f)
{
    f->admin = admin_create(&f->options);
}

static inline void fixture_init(struct fixture *f)
{
    struct err e = {0};
    log_configure(&(struct log_setup){.level = LOG_OFF});
    *f = (struct fixture){.ready = true};
    store_temp_create(f->dir);
    if (store_open(f->dir, STORE_READ_WRITE, 1 << 26, &f->store, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    f->options = (struct admin_options){
        .store = f->store,
        .changes = &f->sink,
        .auth = {.x_forwarded_for_depth = -1},
        .default_namespace = true,
        .body_max = FIXTURE_BODY_MAX,
        .version = "1.2.3",
        .ready = fixture_ready,
        .metrics = fixture_metrics,
        .user = f,
    };
    fixture_open(f);
}

static inline void fixture_forget(struct fixture *f)
{
    exchange_mem_destroy(f->x);
    json_decref(f->json);
    f->x = NULL;
    f->json = NULL;
}

static inline void fixture_finish(struct fixture *f)
{
    fixture_forget(f);
    admin_destroy(f->admin);
    json_decref(f->sink.put);
    store_close(f->store);
    store_temp_remove(f->dir);
}

/* JSON is written with ' for ". */
static inline json_t *fixture_json(const char *text)
{
    char *copy = mem_strdup(text);
    for (char *p = copy; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    struct err e = {0};
    json_t *json = json_text_parse(str_of(copy), &e);
    if (json == NULL)
        fail_msg("%s: %s", text, e.msg);
    free(copy);
    return json;
}

static inline void fixture_commit(struct fixture *f, struct store_write *w)
{
    char number[STORE_U64_SIZE];
    struct err e = {0};
    store_u64_key(f->revision, number);
    struct str value = {number, sizeof(number)};
    assert_int_equal(store_put(w, STORE_META, STR("revision"), value, &e), ERR_OK);
    assert_int_equal(store_put(w, STORE_META, STR("hash"), value, &e), ERR_OK);
    assert_int_equal(store_write_commit(w, &e), ERR_OK);
}

/* Puts a resource into the store, as an engine would, with a change-log entry. */
static inline void fixture_store(struct fixture *f, enum model_kind kind, const char *text)
{
    struct model_problems problems = {0};
    json_t *json = fixture_json(text);
    struct model_resource *r = model_decode(kind, json, MODEL_FROM_API, "default", "", &problems);
    if (r == NULL)
        fail_msg("%s: %s: %s", text, problems.v[0].path, problems.v[0].text);
    json_decref(json);
    struct model_ref ref = model_ref_of(r);
    json = model_encode(r, MODEL_TO_STORE);
    struct buf key;
    struct buf value;
    struct buf log;
    char number[STORE_U64_SIZE];
    buf_init(&key, STORE_KEY_MAX);
    buf_init(&value, 1 << 20);
    buf_init(&log, 1000);
    store_u64_key(++f->revision, number);
    assert_true(model_key(&key, &ref));
    assert_true(buf_add(&value, (struct str){number, sizeof(number)}));
    assert_true(json_text_write(&value, json));
    assert_true(buf_addf(&log, "{\"id\":\"change-%d\",\"revision\":%d}", (int)f->revision,
                         (int)f->revision));
    struct store_write *w = NULL;
    struct err e = {0};
    enum store_table table = kind == MODEL_DOCUMENT ? STORE_DOCUMENTS : STORE_RESOURCES;
    assert_int_equal(store_write_begin(f->store, &w, &e), ERR_OK);
    assert_int_equal(store_put(w, table, buf_str(&key), buf_str(&value), &e), ERR_OK);
    assert_int_equal(
        store_put(w, STORE_LOG, (struct str){number, sizeof(number)}, buf_str(&log), &e), ERR_OK);
    fixture_commit(f, w);
    json_decref(json);
    model_destroy(r);
    buf_finish(&key);
    buf_finish(&value);
    buf_finish(&log);
}

/* A request's head; fields are "Name: value" strings, of which those that are not NULL count. */
struct ask {
    const char *method; /* GET */
    const char *target;
    const char *body; /* with ' for "; NULL: none */
    const char *fields[3];
    const char *peer; /* 127.0.0.1 */
    bool chunked;     /* its length is not told */
};

static inline struct exchange *fixture_begin(struct fixture *f, const struct ask *a)
{
    struct http_field v[3];
    struct http_head head = {
        .method = str_of(a->method != NULL ? a->method : "GET"),
        .scheme = STR("http"),
        .authority = STR("localhost"),
        .target = str_of(a->target),
        .version = HTTP_1_1,
        .fields = {.v = v, .cap = 3},
        .no_body = a->body == NULL,
    };
    if (a->body != NULL)
        head.content_length = a->chunked ? HTTP_LENGTH_UNKNOWN : (int64_t)strlen(a->body);
    for (size_t i = 0; i < 3 && a->fields[i] != NULL; i++) {
        struct str text = str_of(a->fields[i]);
        size_t colon = str_index(text, ':', 0);
        struct str name = str_slice(text, 0, colon);
        v[head.fields.n++] = (struct http_field){name, str_trim(str_skip(text, colon + 1)),
                                                 http_head_field_id(name)};
    }
    struct exchange *x = exchange_mem_create(&head, 1 << 20);
    (void)snprintf(x->peer.address, sizeof(x->peer.address), "%s",
                   a->peer != NULL ? a->peer : "127.0.0.1");
    admin_handle(f->admin, x);
    return x;
}

/* The body arrives in two pieces. */
static inline void fixture_send(struct exchange *x, const char *body)
{
    char *copy = mem_strdup(body);
    size_t len = strlen(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = copy[i] == '\'' ? '"' : copy[i];
    exchange_mem_data(x, (struct str){copy, len / 2});
    exchange_mem_data(x, (struct str){copy + len / 2, len - len / 2});
    exchange_mem_end(x, NULL);
    free(copy);
}

/* Ends the exchange and reads its answer. */
static inline unsigned fixture_answer(struct fixture *f)
{
    (void)exchange_mem_run(f->x);
    const struct exchange_mem_sent *sent = exchange_mem_sent(f->x);
    assert_non_null(sent->head);
    assert_true(sent->ended);
    struct err e = {0};
    if (sent->data.len > 0 && buf_str(&sent->data).p[0] == '{') {
        f->json = json_text_parse(buf_str(&sent->data), &e);
        assert_non_null(f->json);
    }
    return sent->head->status;
}

static inline unsigned fixture_ask(struct fixture *f, const struct ask *a)
{
    fixture_forget(f);
    f->x = fixture_begin(f, a);
    if (a->body != NULL)
        fixture_send(f->x, a->body);
    (void)exchange_mem_run(f->x);
    if (f->sink.done != NULL)
        return 0;
    return fixture_answer(f);
}

static inline unsigned fixture_get(struct fixture *f, const char *target)
{
    return fixture_ask(f, &(struct ask){.target = target});
}

static inline unsigned fixture_put(struct fixture *f, const char *target, const char *body)
{
    return fixture_ask(f, &(struct ask){.method = "PUT", .target = target, .body = body});
}

static inline unsigned fixture_delete(struct fixture *f, const char *target, const char *body)
{
    return fixture_ask(f, &(struct ask){.method = "DELETE", .target = target, .body = body});
}

/* The sink's pending change ends in this way. */
static inline void fixture_done(struct fixture *f, const struct change_result *result)
{
    change_done_fn done = f->sink.done;
    assert_non_null(done);
    f->sink.done = NULL;
    done(f->sink.user, result);
}

/* The pending change succeeds; returns the status of the answer. */
static inline unsigned fixture_commit_change(struct fixture *f, bool created)
{
    struct change_result result = {.created = created, .stored = f->sink.put};
    fixture_done(f, &result);
    return fixture_answer(f);
}

static inline const char *fixture_body(const struct fixture *f)
{
    static char text[FIXTURE_TEXT_MAX];
    struct str body = buf_str(&exchange_mem_sent(f->x)->data);
    (void)snprintf(text, sizeof(text), "%.*s", STR_ARG(body));
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '"' ? '\'' : *p;
    return text;
}

static inline const char *fixture_submitted(struct fixture *f)
{
    for (char *p = f->sink.text; *p != '\0'; p++)
        *p = *p == '"' ? '\'' : *p;
    return f->sink.text;
}

static inline const char *fixture_field(const struct fixture *f, const char *name)
{
    static char text[256];
    const struct http_field *field =
        http_head_find_name(&exchange_mem_sent(f->x)->head->fields, str_of(name));
    if (field == NULL)
        return "";
    (void)snprintf(text, sizeof(text), "%.*s", STR_ARG(field->value));
    return text;
}

#endif
