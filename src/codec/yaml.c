/* libyaml's events become values with the help of a stack of open maps and lists, so that no input
 * can make us recurse. Each event has one handler; whichever completes a value passes it to
 * attach(), which puts it where it belongs and closes the current path.
 */
#include "codec/yaml.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/container.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/yaml_scalar.h"

enum {
    NODES_MAX = 100000,
    DEPTH_MAX = 64,
    PATH_BYTES_MAX = 4096,
    COPIED_MAX = 16 << 20, /* bytes of keys and scalars that aliases may add to those of the text */
};

/* Paths are kept as hashes: a collision can only show a wrong line, and long keys cost nothing. */
struct line {
    uint64_t path;
    int line;
};

struct yaml_lines {
    VEC_OF(struct line);
};

/* An open map or list. */
struct frame {
    json_t *value;
    json_t *merges;  /* maps: what "<<" stands for, in order */
    char *key;       /* maps: the key that waits for its value */
    char *anchor;    /* may be NULL */
    bool merging;    /* the waiting key is a merge key */
    size_t path_len; /* of the path of this map or list */
    size_t nodes;    /* budget used before it */
    size_t bytes;
    size_t height; /* levels below it so far */
};

struct anchor {
    json_t *value;
    size_t nodes; /* in it, itself included */
    size_t bytes; /* of keys and scalars in it */
    size_t height;
};

struct frames {
    VEC_OF(struct frame);
};

struct anchors {
    VEC_OF(struct anchor);
};

struct parse {
    yaml_parser_t parser;
    yaml_scalar_fn on_scalar;
    void *user;
    struct str text;
    struct err err;
    struct yaml_lines *lines;
    struct frames stack;
    struct anchors anchors;
    json_t *anchor_ids; /* name to index in anchors */
    json_t *root;
    size_t nodes;
    size_t bytes; /* of keys and scalars so far */
    unsigned documents;
    bool over;
    size_t path_len;
    char path[PATH_BYTES_MAX + 1];
};

static struct frame *top(struct parse *p)
{
    return p->stack.n > 0 ? &p->stack.v[p->stack.n - 1] : NULL;
}

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static bool fail(struct parse *p, const yaml_event_t *event, const char *text)
{
    (void)err_set(&p->err, ERR_INVALID, "line %d: %s", line_of(event), text);
    return false;
}

static void note_line(struct parse *p, int line)
{
    struct line entry = {str_hash((struct str){p->path, p->path_len}), line};
    vec_push(p->lines, entry);
}

static bool extend_path(struct parse *p, const yaml_event_t *event, struct str part)
{
    if (part.len > PATH_BYTES_MAX - p->path_len)
        return fail(p, event, "the keys down to here are too long");
    if (part.len > 0)
        memcpy(p->path + p->path_len, part.p, part.len);
    p->path_len += part.len;
    p->path[p->path_len] = '\0';
    return true;
}

/* Called before every value: checks the budget and completes the path. A map's key did that
 * already. */
static bool begin_value(struct parse *p, const yaml_event_t *event)
{
    const struct frame *f = top(p);
    if (++p->nodes > NODES_MAX)
        return fail(p, event, "the document is too large");
    if (f == NULL) {
        note_line(p, line_of(event));
    } else if (json_is_array(f->value)) {
        char index[24];
        int len = snprintf(index, sizeof(index), "[%zu]", json_array_size(f->value));
        if (!extend_path(p, event, (struct str){index, (size_t)len}))
            return false;
        note_line(p, line_of(event));
    } else if (f->key == NULL) {
        return fail(p, event, "a key must be a scalar");
    }
    return true;
}

static void set_anchor(struct parse *p, const char *name, struct anchor anchor)
{
    (void)json_incref(anchor.value);
    vec_push(&p->anchors, anchor);
    if (json_object_set_new(p->anchor_ids, name, json_integer((json_int_t)p->anchors.n - 1)) != 0)
        abort();
}

static bool is_list_of_maps(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_object(json_array_get(value, i)))
            return false;
    return json_is_array(value);
}

/* Puts a completed value, which it takes over, into the innermost map or list. */
static bool attach(struct parse *p, const yaml_event_t *event, json_t *value, size_t height)
{
    struct frame *f = top(p);
    if (f == NULL) {
        p->root = value;
        return true;
    }
    if (f->height < height + 1)
        f->height = height + 1;
    int failed = 0;
    if (json_is_array(f->value)) {
        failed = json_array_append_new(f->value, value);
    } else if (!f->merging) {
        failed = json_object_set_new(f->value, f->key, value);
    } else if (json_is_object(value) || is_list_of_maps(value)) {
        failed = json_is_object(value) ? json_array_append(f->merges, value)
                                       : json_array_extend(f->merges, value);
        json_decref(value);
    } else {
        json_decref(value);
        return fail(p, event, "a merge key (<<) needs a map or a list of maps");
    }
    if (failed != 0)
        abort();
    free(f->key);
    f->key = NULL;
    p->path_len = f->path_len;
    p->path[p->path_len] = '\0';
    return true;
}

static bool read_key(struct parse *p, const yaml_event_t *event)
{
    struct frame *f = top(p);
    struct str key = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (str_index(key, '\0', 0) < key.len)
        return fail(p, event, "a NUL character is not allowed");
    bool merging = event->data.scalar.plain_implicit != 0 && str_eq(key, STR("<<"));
    if (json_object_get(f->value, (const char *)event->data.scalar.value) != NULL ||
        (merging && f->merges != NULL)) {
        (void)err_set(&p->err, ERR_INVALID, "line %d: key \"%.*s\" appears twice", line_of(event),
                      STR_ARG(key));
        return false;
    }
    f->merging = merging;
    if (merging)
        f->merges = json_array();
    f->key = mem_dup(key.p, key.len);
    p->bytes += key.len;
    if ((p->path_len > 0 && !extend_path(p, event, STR("."))) || !extend_path(p, event, key))
        return false;
    note_line(p, line_of(event));
    return true;
}

/* What an explicit tag makes of a scalar. */
enum tag { TAG_NONE, TAG_STRING, TAG_SCHEMA, TAG_UNKNOWN };

static enum tag tag_of(const yaml_char_t *name)
{
    static const char *const schema[] = {YAML_NULL_TAG, YAML_BOOL_TAG, YAML_INT_TAG,
                                         YAML_FLOAT_TAG};
    if (name == NULL)
        return TAG_NONE;
    struct str tag = str_of((const char *)name);
    if (str_eq(tag, STR("!")) || str_eq(tag, STR(YAML_STR_TAG)))
        return TAG_STRING;
    for (size_t i = 0; i < ARRAY_LEN(schema); i++)
        if (str_eq(tag, str_of(schema[i])))
            return TAG_SCHEMA;
    return TAG_UNKNOWN;
}

static bool has_type(const json_t *value, const yaml_char_t *tag)
{
    struct str name = str_of((const char *)tag);
    switch (json_typeof(value)) {
    case JSON_NULL:
        return str_eq(name, STR(YAML_NULL_TAG));
    case JSON_TRUE:
    case JSON_FALSE:
        return str_eq(name, STR(YAML_BOOL_TAG));
    case JSON_INTEGER:
        return str_eq(name, STR(YAML_INT_TAG)) || str_eq(name, STR(YAML_FLOAT_TAG));
    case JSON_REAL:
        return str_eq(name, STR(YAML_FLOAT_TAG));
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_STRING:
    default:
        return false;
    }
}

/* The value of a scalar with that text; NULL with p->err filled. */
static json_t *type_scalar(struct parse *p, const yaml_event_t *event, struct str text)
{
    const char *problem = NULL;
    const yaml_char_t *name = event->data.scalar.tag;
    enum tag tag = tag_of(name);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    json_t *value = NULL;

    if (tag == TAG_UNKNOWN)
        problem = "the tag is not known";
    else if (tag == TAG_SCHEMA || (tag == TAG_NONE && plain))
        value = yaml_scalar_plain(text, &problem);
    else
        value = yaml_scalar_string(text, &problem);
    if (value != NULL && tag == TAG_SCHEMA && !has_type(value, name)) {
        json_decref(value);
        value = NULL;
        problem = "the value is not what its tag says";
    }
    if (value == NULL)
        (void)fail(p, event, problem);
    return value;
}

static bool on_scalar_event(struct parse *p, const yaml_event_t *event)
{
    const struct frame *f = top(p);
    if (f != NULL && json_is_object(f->value) && f->key == NULL)
        return read_key(p, event);
    if (!begin_value(p, event))
        return false;

    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    char *replaced = NULL;
    if (p->on_scalar != NULL &&
        !p->on_scalar(p->user, p->path, line_of(event), text, &replaced, &p->err)) {
        assert(p->err.code != ERR_OK);
        free(replaced);
        return false;
    }
    if (replaced != NULL)
        text = str_of(replaced);
    p->bytes += text.len;
    json_t *value = type_scalar(p, event, text);
    free(replaced);
    if (value == NULL)
        return false;
    if (event->data.scalar.anchor != NULL)
        set_anchor(p, (const char *)event->data.scalar.anchor,
                   (struct anchor){value, 1, text.len, 0});
    return attach(p, event, value, 0);
}

/* An alias is a copy of what its anchor stands for, and counts as much. */
static bool on_alias(struct parse *p, const yaml_event_t *event)
{
    if (!begin_value(p, event))
        return false;
    const json_t *id = json_object_get(p->anchor_ids, (const char *)event->data.alias.anchor);
    if (id == NULL)
        return fail(p, event, "the alias stands for nothing complete before it");
    const struct anchor *anchor = &p->anchors.v[json_integer_value(id)];
    p->nodes += anchor->nodes - 1;
    p->bytes += anchor->bytes;
    if (p->nodes > NODES_MAX || p->bytes > p->text.len + COPIED_MAX ||
        p->stack.n + anchor->height > DEPTH_MAX)
        return fail(p, event, "the document with its aliases is too large");
    json_t *copy = json_deep_copy(anchor->value);
    if (copy == NULL)
        abort();
    return attach(p, event, copy, anchor->height);
}

static bool open_frame(struct parse *p, const yaml_event_t *event, json_t *value,
                       const yaml_char_t *anchor)
{
    struct frame frame = {.value = value, .nodes = p->nodes, .bytes = p->bytes};
    if (!begin_value(p, event)) {
        json_decref(value);
        return false;
    }
    if (anchor != NULL)
        frame.anchor = mem_strdup((const char *)anchor);
    frame.path_len = p->path_len;
    vec_push(&p->stack, frame);
    return p->stack.n <= DEPTH_MAX || fail(p, event, "the document is nested too deeply");
}

static bool on_map_start(struct parse *p, const yaml_event_t *event)
{
    const yaml_char_t *tag = event->data.mapping_start.tag;
    if (tag != NULL && !str_eq(str_of((const char *)tag), STR(YAML_MAP_TAG)))
        return fail(p, event, "the tag is not known");
    return open_frame(p, event, json_object(), event->data.mapping_start.anchor);
}

static bool on_list_start(struct parse *p, const yaml_event_t *event)
{
    const yaml_char_t *tag = event->data.sequence_start.tag;
    if (tag != NULL && !str_eq(str_of((const char *)tag), STR(YAML_SEQ_TAG)))
        return fail(p, event, "the tag is not known");
    return open_frame(p, event, json_array(), event->data.sequence_start.anchor);
}

/* Merged maps give what the map does not have, the first one first (yaml.org/type/merge.html). */
static void apply_merges(struct frame *f)
{
    for (size_t i = 0; i < json_array_size(f->merges); i++)
        if (json_object_update_missing(f->value, json_array_get(f->merges, i)) != 0)
            abort();
}

static void close_frame(struct frame *f)
{
    json_decref(f->value);
    json_decref(f->merges);
    free(f->key);
    free(f->anchor);
}

static bool on_end(struct parse *p, const yaml_event_t *event)
{
    struct frame f = p->stack.v[--p->stack.n];
    apply_merges(&f);
    if (f.anchor != NULL)
        set_anchor(p, f.anchor,
                   (struct anchor){f.value, p->nodes - f.nodes, p->bytes - f.bytes, f.height});
    json_t *value = json_incref(f.value);
    size_t height = f.height;
    close_frame(&f);
    return attach(p, event, value, height);
}

static bool on_document(struct parse *p, const yaml_event_t *event)
{
    if (++p->documents > 1)
        return fail(p, event, "there is more than one document");
    return true;
}

static bool on_stream_end(struct parse *p, const yaml_event_t *event)
{
    (void)event;
    p->over = true;
    return true;
}

/* What libyaml found wrong. It knows no line where the bytes are not UTF-8. */
static void explain(struct parse *p)
{
    const yaml_parser_t *parser = &p->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < p->text.len; i++)
            line += p->text.p[i] == '\n' ? 1 : 0;
    }
    (void)err_set(&p->err, ERR_INVALID, "line %zu: %s", line, problem);
}

static bool run(struct parse *p)
{
    static bool (*const handlers[])(struct parse *, const yaml_event_t *) = {
        [YAML_DOCUMENT_START_EVENT] = on_document,
        [YAML_STREAM_END_EVENT] = on_stream_end,
        [YAML_ALIAS_EVENT] = on_alias,
        [YAML_SCALAR_EVENT] = on_scalar_event,
        [YAML_SEQUENCE_START_EVENT] = on_list_start,
        [YAML_SEQUENCE_END_EVENT] = on_end,
        [YAML_MAPPING_START_EVENT] = on_map_start,
        [YAML_MAPPING_END_EVENT] = on_end,
    };
    bool ok = true;
    while (ok && !p->over) {
        yaml_event_t event;
        if (yaml_parser_parse(&p->parser, &event) == 0) {
            explain(p);
            return false;
        }
        if (event.type < ARRAY_LEN(handlers) && handlers[event.type] != NULL)
            ok = handlers[event.type](p, &event);
        yaml_event_delete(&event);
    }
    return ok;
}

static void finish(struct parse *p)
{
    yaml_parser_delete(&p->parser);
    while (p->stack.n > 0)
        close_frame(&p->stack.v[--p->stack.n]);
    while (p->anchors.n > 0)
        json_decref(p->anchors.v[--p->anchors.n].value);
    vec_finish(&p->stack);
    vec_finish(&p->anchors);
    json_decref(p->anchor_ids);
}

json_t *yaml_parse(struct str text, yaml_scalar_fn on_scalar, void *user, struct yaml_lines **lines,
                   struct err *e)
{
    struct parse p = {.on_scalar = on_scalar, .user = user, .text = text};
    if (yaml_parser_initialize(&p.parser) == 0)
        abort();
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)(text.len > 0 ? text.p : ""),
                                 text.len);
    p.lines = mem_alloc(sizeof(*p.lines));
    p.anchor_ids = json_object();

    bool ok = run(&p);
    finish(&p);
    if (!ok) {
        json_decref(p.root);
        yaml_lines_destroy(p.lines);
        if (e != NULL)
            *e = p.err;
        return NULL;
    }
    if (lines != NULL)
        *lines = p.lines;
    else
        yaml_lines_destroy(p.lines);
    return p.root != NULL ? p.root : json_null();
}

int yaml_lines_get(const struct yaml_lines *lines, const char *path)
{
    uint64_t hash = str_hash(str_of(path));
    for (size_t i = 0; i < lines->n; i++)
        if (lines->v[i].path == hash)
            return lines->v[i].line;
    return 0;
}

void yaml_lines_destroy(struct yaml_lines *lines)
{
    if (lines == NULL)
        return;
    vec_finish(lines);
    free(lines);
}
