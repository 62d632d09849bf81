#include <string.h>

#include "codec/json.h"
#include "config/keys.h"
#include "config/reader.h"

static json_t *write_strings(const struct model_strings *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n; i++)
        (void)json_array_append_new(array, json_text_string(str_of(list->v[i])));
    return array;
}

static json_t *write_pairs(const struct config_pairs *pairs)
{
    json_t *object = json_object();
    for (size_t i = 0; i < pairs->n; i++)
        (void)json_object_set_new(object, pairs->v[i].name,
                                  json_text_string(str_of(pairs->v[i].value)));
    return object;
}

static json_t *write_users(const struct config_users *users)
{
    json_t *array = json_array();
    for (size_t i = 0; i < users->n; i++) {
        json_t *user = json_object();
        (void)json_object_set_new(user, "username", json_text_string(str_of(users->v[i].username)));
        (void)json_object_set_new(user, "password", json_text_string(str_of(users->v[i].password)));
        (void)json_array_append_new(array, user);
    }
    return array;
}

static json_t *write_word(const struct keys_key *k, const void *slot)
{
    unsigned number = 0;
    memcpy(&number, slot, sizeof(number));
    return json_string(keys_word_text(k, number));
}

/* A new value, or NULL for a key that holds none of its own. */
static json_t *write_key(const struct config *c, const struct keys_key *k)
{
    const void *slot = (const char *)c + k->offset;
    switch (k->type) {
    case KEYS_STRING:
        return json_text_string(str_of(*(char *const *)slot));
    case KEYS_STRINGS:
        return write_strings(slot);
    case KEYS_BOOL:
        return json_boolean(*(const bool *)slot);
    case KEYS_INT:
    case KEYS_MS:
        return json_integer(*(const int64_t *)slot);
    case KEYS_WORD:
        return write_word(k, slot);
    case KEYS_PAIRS:
        return write_pairs(slot);
    case KEYS_USERS:
        return write_users(slot);
    case KEYS_RESOURCES:
        return json_incref(*(json_t *const *)slot);
    case KEYS_MAP:
    case KEYS_IGNORED:
    case KEYS_REFUSED:
    default:
        return NULL;
    }
}

static void put(json_t *tree, const char *path, json_t *value)
{
    json_t *map = tree;
    for (size_t len = strcspn(path, "."); path[len] != '\0'; len = strcspn(path, ".")) {
        json_t *inner = json_object_getn(map, path, len);
        if (inner == NULL) {
            inner = json_object();
            (void)json_object_setn_new(map, path, len, inner);
        }
        map = inner;
        path += len + 1;
    }
    (void)json_object_set_new(map, path, value);
}

/* Keys whose mere presence means something, or that are derived when they are absent. */
static bool is_left_out(const struct config *c, const char *path)
{
    if (str_starts(str_of(path), STR("test_server.")))
        return !c->test_server.enabled;
    if (str_starts(str_of(path), STR("admin.key_auth.")))
        return c->admin.auth != CONFIG_AUTH_KEY;
    return false;
}

json_t *reader_write(const struct config *c)
{
    json_t *tree = json_object();
    for (size_t i = 0; i < keys_count; i++) {
        const char *path = keys_all[i].path;
        json_t *value = is_left_out(c, path) ? NULL : write_key(c, &keys_all[i]);
        if (value != NULL)
            put(tree, path, value);
    }
    return tree;
}
