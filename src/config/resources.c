#include "config/resources.h"

#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/hmap.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "config/file_text.h"
#include "model/nearest.h"
#include "model/scalar.h"

#define ROOT "proxy.init_resources"

enum {
    LIST_PATH_BYTES = 64,
    ENTRY_PATH_BYTES = 128,
    PATH_BYTES = 256,
    FILE_PATH_BYTES = 4096,
    KEY_BYTES = 4096,
    SHOWN_MAX = 80
};

static const struct {
    const char *name;
    enum model_kind kind;
} lists_known[] = {
    {"namespaces", MODEL_NAMESPACE},   {"services", MODEL_SERVICE},   {"routes", MODEL_ROUTE},
    {"modules", MODEL_MODULE},         {"domains", MODEL_DOMAIN},     {"secrets", MODEL_SECRET},
    {"collections", MODEL_COLLECTION}, {"documents", MODEL_DOCUMENT},
};

/* An entry that was met. */
struct met {
    struct hmap_node node;
    char *key; /* the store's key of the resource */
    char *place;
};

struct loading {
    const char *dir;
    const char *default_ns;
    struct report *r;
    struct hmap met;
};

static void forget(struct loading *d)
{
    for (struct hmap_node *n = hmap_any(&d->met); n != NULL; n = hmap_any(&d->met)) {
        struct met *m = container_of(n, struct met, node);
        hmap_remove(&d->met, n);
        free(m->key);
        free(m->place);
        free(m);
    }
    hmap_finish(&d->met);
}

static void check_twice(struct loading *d, const struct model_resource *resource, const char *path)
{
    struct model_ref ref = model_ref_of(resource);
    struct buf key;
    buf_init(&key, KEY_BYTES);
    if (!model_key(&key, &ref)) {
        report_problem(d->r, path, "its names are too long");
        buf_finish(&key);
        return;
    }
    struct hmap_node *before = hmap_get(&d->met, buf_str(&key));
    if (before != NULL) {
        char label[MODEL_LABEL_SIZE];
        model_ref_label(&ref, label);
        report_problem(d->r, path, "%s is there already at %s", label,
                       container_of(before, struct met, node)->place);
        buf_finish(&key);
        return;
    }
    struct met *m = mem_alloc(sizeof(*m));
    size_t len = 0;
    m->key = buf_take(&key, &len);
    m->place = report_place(d->r, path);
    hmap_add(&d->met, &m->node, (struct str){m->key, len});
}

/* The text of a module's source file, or NULL after reporting. */
static json_t *read_source(struct loading *d, const char *name, const char *path)
{
    char file[FILE_PATH_BYTES];
    bool absolute = name[0] == '/' || *d->dir == '\0';
    int n = absolute ? snprintf(file, sizeof(file), "%s", name)
                     : snprintf(file, sizeof(file), "%s/%s", d->dir, name);
    if (n < 0 || (size_t)n >= sizeof(file)) {
        report_problem(d->r, path, "is too long for a path");
        return NULL;
    }
    struct buf text;
    buf_init(&text, MODEL_SOURCE_MAX);
    struct err e = {0};
    json_t *source = NULL;
    if (file_text_read(file, &text, &e) != ERR_OK)
        report_problem(d->r, path, "cannot read %s: %s", file, e.msg);
    else if (!base64_is_utf8(buf_str(&text)))
        report_problem(d->r, path, "%s is not UTF-8 text", file);
    else if (text.len == 0)
        report_problem(d->r, path, "%s is empty", file);
    else
        source = json_text_string(buf_str(&text));
    buf_finish(&text);
    return source;
}

/* Puts the source itself in the place of the file's name. */
static void resolve_source(struct loading *d, json_t *entry, const char *path)
{
    static const char *const names[] = {"payloadFile", "payload_file"};
    static const char *const others[] = {"payload", "payloadRaw", "payload_raw"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *name = json_object_get(entry, names[i]);
        if (name == NULL)
            continue;
        char where[PATH_BYTES];
        (void)snprintf(where, sizeof(where), "%s.%s", path, names[i]);
        json_t *source = NULL;
        if (!json_is_string(name) || json_string_length(name) == 0)
            report_problem(d->r, where, "expected the path of a file");
        else
            source = read_source(d, json_string_value(name), where);
        for (size_t j = 0; j < ARRAY_LEN(others); j++) {
            if (json_object_get(entry, others[j]) != NULL)
                report_problem(d->r, where, "must not be given together with %s", others[j]);
            (void)json_object_del(entry, others[j]);
        }
        /* an entry whose file has a problem is checked for others with some source */
        (void)json_object_set_new(entry, "payloadRaw", source == NULL ? json_string(" ") : source);
        (void)json_object_del(entry, names[i]);
    }
}

/* Returns the entry in the form that struct config holds. */
static json_t *load_entry(struct loading *d, enum model_kind kind, json_t *given, const char *path)
{
    json_t *entry = json_is_object(given) ? json_copy(given) : json_incref(given);
    if (kind == MODEL_MODULE && json_is_object(entry))
        resolve_source(d, entry, path);
    struct model_problems problems = {0};
    struct model_resource *resource =
        model_decode(kind, entry, MODEL_FROM_CONFIG, d->default_ns, path, &problems);
    report_resource(d->r, &problems);
    if (resource != NULL)
        check_twice(d, resource, path);
    model_destroy(resource);
    model_problems_finish(&problems);
    return entry;
}

static json_t *load_list(struct loading *d, enum model_kind kind, const json_t *given,
                         const char *path)
{
    json_t *list = json_array();
    size_t n = json_array_size(given);
    if (!json_is_array(given))
        report_problem(d->r, path, "expected a list, got %s", scalar_type_name(given));
    if (n > RESOURCES_LIST_MAX) {
        report_problem(d->r, path, "must have at most %d entries", RESOURCES_LIST_MAX);
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        char entry[ENTRY_PATH_BYTES];
        (void)snprintf(entry, sizeof(entry), "%s[%zu]", path, i);
        (void)json_array_append_new(list, load_entry(d, kind, json_array_get(given, i), entry));
    }
    return list;
}

static void check_names(struct loading *d, json_t *lists)
{
    for (void *it = json_object_iter(lists); it != NULL; it = json_object_iter_next(lists, it)) {
        struct str name = {json_object_iter_key(it), json_object_iter_key_len(it)};
        struct nearest n;
        nearest_init(&n, name);
        for (size_t i = 0; i < ARRAY_LEN(lists_known); i++)
            nearest_offer(&n, lists_known[i].name);
        bool known = n.best != NULL && str_eq(name, str_of(n.best));
        if (known || str_eq(name, STR("skip_validation")))
            continue;
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof(path), ROOT ".%.*s", STR_ARG(utf8_cut(name, SHOWN_MAX)));
        if (n.best != NULL)
            report_warning(d->r, path, "unknown key; did you mean %s?", n.best);
        else
            report_warning(d->r, path, "unknown key");
    }
}

json_t *resources_load(json_t *lists, const char *dir, const char *default_ns, struct report *r)
{
    if (!json_is_object(lists)) {
        if (lists != NULL && !json_is_null(lists))
            report_problem(r, ROOT, "expected a map of lists, got %s", scalar_type_name(lists));
        return json_null();
    }
    struct loading d = {.dir = dir, .default_ns = default_ns, .r = r};
    hmap_init(&d.met);
    check_names(&d, lists);
    const json_t *skip = json_object_get(lists, "skip_validation");
    if (skip != NULL && !json_is_false(skip) && !json_is_null(skip))
        report_problem(r, ROOT ".skip_validation",
                       "resources are always validated; remove the key");
    json_t *loaded = json_object();
    for (size_t i = 0; i < ARRAY_LEN(lists_known); i++) {
        const json_t *given = json_object_get(lists, lists_known[i].name);
        if (given == NULL || json_is_null(given))
            continue;
        char path[LIST_PATH_BYTES];
        (void)snprintf(path, sizeof(path), ROOT ".%s", lists_known[i].name);
        (void)json_object_set_new(loaded, lists_known[i].name,
                                  load_list(&d, lists_known[i].kind, given, path));
    }
    forget(&d);
    return loaded;
}
