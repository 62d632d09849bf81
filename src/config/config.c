#include "config/config.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/json.h"
#include "config/keys.h"
#include "config/reader.h"

static void finish_pairs(struct config_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        free(pairs->v[i].name);
        free(pairs->v[i].value);
    }
    vec_finish(pairs);
}

static void finish_users(struct config_users *users)
{
    for (size_t i = 0; i < users->n; i++) {
        free(users->v[i].username);
        free(users->v[i].password);
    }
    vec_finish(users);
}

static void finish_strings(struct model_strings *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    vec_finish(list);
}

static void finish_key(struct config *c, const struct keys_key *k)
{
    void *slot = (char *)c + k->offset;
    switch (k->type) {
    case KEYS_STRING:
        free(*(char **)slot);
        break;
    case KEYS_STRINGS:
        finish_strings(slot);
        break;
    case KEYS_PAIRS:
        finish_pairs(slot);
        break;
    case KEYS_USERS:
        finish_users(slot);
        break;
    case KEYS_RESOURCES:
        json_decref(*(json_t **)slot);
        break;
    case KEYS_MAP:
    case KEYS_BOOL:
    case KEYS_INT:
    case KEYS_MS:
    case KEYS_WORD:
    case KEYS_IGNORED:
    case KEYS_REFUSED:
    default:
        break;
    }
}

void config_destroy(struct config *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < keys_count; i++)
        finish_key(c, &keys_all[i]);
    free(c->file);
    free(c);
}

void config_warnings_finish(struct config_warnings *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->v[i].text);
    vec_finish(w);
}

json_t *config_to_json(const struct config *c)
{
    json_t *file = c->file == NULL ? json_null() : json_text_string(str_of(c->file));
    return json_pack("{s:o, s:o}", "file", file, "keys", reader_write(c));
}

enum err_code config_from_json(const json_t *json, struct config **ret, struct err *e)
{
    json_t *keys = json_object_get(json, "keys");
    if (!json_is_object(keys))
        return err_set(e, ERR_INVALID, "this is no configuration that was handed over");
    struct report r = {.file = "configuration"};
    struct config *c = mem_alloc(sizeof(*c));
    const char *file = json_string_value(json_object_get(json, "file"));
    c->file = file == NULL ? NULL : mem_strdup(file);
    reader_read(keys, c, &r);
    enum err_code rc = report_summary(&r, e);
    report_finish(&r);
    if (rc == ERR_OK)
        *ret = c;
    else
        config_destroy(c);
    return rc;
}
