/* Two passes: the keys of every map are looked up in the table, so that unknown ones are seen; then every
 * key of the table is read from the tree, or filled with its default. What follows from several keys
 * together comes last.
 */
#include "config/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "config/address.h"
#include "config/keys.h"
#include "config/text_checks.h"
#include "model/nearest.h"
#include "model/rate.h"
#include "model/scalar.h"

enum { PATH_BYTES = 1024, SHOWN_MAX = 80, LIST_MAX = 256, VALUE_MAX = 4096 };

static_assert(sizeof(enum log_level) == sizeof(unsigned) &&
                  sizeof(enum config_storage) == sizeof(unsigned) &&
                  sizeof(enum config_auth) == sizeof(unsigned),
              "WORD keys are written as unsigned");

struct reading {
    json_t *tree; /* borrowed */
    struct config *c;
    struct report *r;
};

static void *slot_of(struct config *c, const struct keys_key *k)
{
    return (char *)c + k->offset;
}

/* The value at a path of the table, or NULL when it is absent or null. */
static json_t *value_at(json_t *tree, const char *path)
{
    json_t *value = tree;
    while (value != NULL) {
        size_t len = strcspn(path, ".");
        value = json_object_getn(value, path, len);
        if (path[len] == '\0')
            break;
        path += len + 1;
    }
    return json_is_null(value) ? NULL : value;
}

/* "proxy.port" out of "proxy" and "port"; false when it is too long for a key. */
static bool join(char out[PATH_BYTES], const char *map, struct str name)
{
    struct str shown = utf8_cut(name, SHOWN_MAX);
    int n = snprintf(out, PATH_BYTES, "%s%s%.*s", map, *map != '\0' ? "." : "", STR_ARG(shown));
    return n > 0 && n < PATH_BYTES && shown.len == name.len;
}

/* Whether path names something directly in map. */
static bool is_in(const char *path, const char *map)
{
    size_t n = strlen(map);
    if (n == 0)
        return strchr(path, '.') == NULL;
    return strncmp(path, map, n) == 0 && path[n] == '.' && strchr(path + n + 1, '.') == NULL;
}

static void warn_unknown(struct reading *d, const char *map, const char *path, struct str name)
{
    struct nearest beside;
    struct nearest elsewhere;
    nearest_init(&beside, name);
    nearest_init(&elsewhere, name);
    const char *whole = NULL;
    for (size_t i = 0; i < keys_count; i++) {
        const struct keys_key *k = &keys_all[i];
        if (k->type == KEYS_REFUSED)
            continue;
        const char *last = keys_last_name(k->path);
        if (is_in(k->path, map))
            nearest_offer(&beside, last);
        nearest_offer(&elsewhere, last);
        if (elsewhere.best == last)
            whole = k->path;
    }
    if (beside.best != NULL)
        report_warning(d->r, path, "unknown key; did you mean %s?", beside.best);
    else if (whole != NULL && elsewhere.distance == 0)
        report_warning(d->r, path, "unknown key; did you mean %s?", whole);
    else
        report_warning(d->r, path, "unknown key");
}

static void check_map(struct reading *d, const char *map, json_t *object)
{
    for (void *it = json_object_iter(object); it != NULL; it = json_object_iter_next(object, it)) {
        struct str name = {json_object_iter_key(it), json_object_iter_key_len(it)};
        char path[PATH_BYTES];
        bool whole = join(path, map, name);
        if (!whole || keys_find(str_of(path)) == NULL)
            warn_unknown(d, map, path, name);
    }
}

static void check_maps(struct reading *d)
{
    check_map(d, "", d->tree);
    for (size_t i = 0; i < keys_count; i++) {
        const struct keys_key *k = &keys_all[i];
        json_t *value = value_at(d->tree, k->path);
        if (k->type == KEYS_MAP && json_is_object(value))
            check_map(d, k->path, value);
    }
}

static void wrong_type(struct reading *d, const char *path, const char *expected,
                       const json_t *value)
{
    bool scalar = json_is_number(value) || json_is_boolean(value);
    bool quote = scalar && strcmp(expected, "a string") == 0;
    report_problem(d->r, path, "expected %s, got %s%s", expected, scalar_type_name(value),
                   quote ? "; put it in quotes" : "");
}

/* A copy of a string that passes its check, or NULL after reporting. */
static char *take_text(struct reading *d, const char *path, const json_t *value, size_t max,
                       enum err_code (*check)(struct str text, struct err *e))
{
    struct str text = json_text_str(value);
    struct err e = {0};
    if (!json_is_string(value)) {
        wrong_type(d, path, "a string", value);
    } else if (max > 0 && text.len > max) {
        report_problem(d->r, path, "must have at most %zu bytes", max);
    } else if (check != NULL && check(text, &e) != ERR_OK) {
        report_problem(d->r, path, "%s", e.msg);
    } else {
        return mem_dup(text.p, text.len);
    }
    return NULL;
}

static void read_map(struct reading *d, const struct keys_key *k, const json_t *value)
{
    if (value != NULL && !json_is_object(value))
        wrong_type(d, k->path, "a map", value);
    if (k->offset != 0)
        *(bool *)slot_of(d->c, k) = json_is_object(value);
}

static void read_string(struct reading *d, const struct keys_key *k, const json_t *value)
{
    char **slot = slot_of(d->c, k);
    *slot = mem_strdup(k->default_text == NULL ? "" : k->default_text);
    bool unset = json_is_string(value) && json_string_length(value) == 0 && **slot == '\0';
    if (value == NULL || unset)
        return;
    char *text = take_text(d, k->path, value, (size_t)k->max, k->check);
    if (text == NULL || *text == '\0') {
        free(text);
        return;
    }
    free(*slot);
    *slot = text;
}

/* Whether value is a list of a size that may be. */
static bool is_list(struct reading *d, const struct keys_key *k, const json_t *value)
{
    if (value == NULL)
        return false;
    if (!json_is_array(value)) {
        wrong_type(d, k->path, "a list", value);
        return false;
    }
    if (json_array_size(value) > LIST_MAX) {
        report_problem(d->r, k->path, "must have at most %d elements", LIST_MAX);
        return false;
    }
    return true;
}

static void read_strings(struct reading *d, const struct keys_key *k, const json_t *value)
{
    struct model_strings *list = slot_of(d->c, k);
    size_t n = is_list(d, k, value) ? json_array_size(value) : 0;
    for (size_t i = 0; i < n; i++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof(path), "%s[%zu]", k->path, i);
        char *text = take_text(d, path, json_array_get(value, i), (size_t)k->max, k->check);
        if (text != NULL)
            vec_push(list, text);
    }
}

static void read_bool(struct reading *d, const struct keys_key *k, const json_t *value)
{
    bool yes = k->default_int != 0;
    if (value != NULL && !scalar_bool(value, true, &yes))
        wrong_type(d, k->path, "true or false", value);
    if (k->type == KEYS_BOOL)
        *(bool *)slot_of(d->c, k) = yes;
}

static void read_int(struct reading *d, const struct keys_key *k, const json_t *value)
{
    int64_t n = k->default_int;
    if (value != NULL && !scalar_int(value, true, &n))
        wrong_type(d, k->path, "an integer", value);
    if (n < k->min || n > k->max) {
        report_problem(d->r, k->path, "must be %lld to %lld", (long long)k->min, (long long)k->max);
        n = k->default_int;
    }
    *(int64_t *)slot_of(d->c, k) = n;
}

static void read_ms(struct reading *d, const struct keys_key *k, const json_t *value)
{
    int64_t n = k->default_int;
    int64_t ns = 0;
    if (value != NULL && scalar_duration(value, true, 1000000, &ns))
        n = ns / 1000000 + (ns % 1000000 > 0 ? 1 : 0);
    else if (value != NULL)
        wrong_type(d, k->path, "milliseconds, or a duration such as \"1.5s\"", value);
    if (n < k->min || n > k->max || ns < 0) {
        report_problem(d->r, k->path, "must be %lldms to %lldms", (long long)k->min,
                       (long long)k->max);
        n = k->default_int;
    }
    *(int64_t *)slot_of(d->c, k) = n;
}

static const struct keys_word *find_word(const struct keys_key *k, const json_t *value)
{
    for (const struct keys_word *w = k->words; w->text != NULL; w++) {
        if (str_eq_nocase(json_text_str(value), str_of(w->text)))
            return w;
    }
    return NULL;
}

static void read_word(struct reading *d, const struct keys_key *k, const json_t *value)
{
    unsigned number = (unsigned)k->default_int;
    const struct keys_word *found = find_word(k, value);
    bool given = value != NULL && (!json_is_string(value) || json_string_length(value) > 0);
    if (found != NULL) {
        number = found->value;
    } else if (given) {
        struct buf allowed;
        buf_init(&allowed, PATH_BYTES);
        bool ok = true;
        for (const struct keys_word *w = k->words; w->text != NULL; w++) {
            if (strcmp(w->text, keys_word_text(k, w->value)) == 0)
                ok = ok && buf_addf(&allowed, "%s%s", allowed.len > 0 ? ", " : "", w->text);
        }
        assert(ok);
        report_problem(d->r, k->path, "must be one of %s", buf_cstr(&allowed));
        buf_finish(&allowed);
    }
    memcpy(slot_of(d->c, k), &number, sizeof(number));
}

static void read_pairs(struct reading *d, const struct keys_key *k, json_t *value)
{
    struct config_pairs *pairs = slot_of(d->c, k);
    if (value != NULL && !json_is_object(value)) {
        wrong_type(d, k->path, "a map of header names to values", value);
        return;
    }
    if (json_object_size(value) > LIST_MAX) {
        report_problem(d->r, k->path, "must have at most %d entries", LIST_MAX);
        return;
    }
    for (void *it = json_object_iter(value); it != NULL; it = json_object_iter_next(value, it)) {
        struct str name = {json_object_iter_key(it), json_object_iter_key_len(it)};
        char path[PATH_BYTES];
        (void)join(path, k->path, name);
        struct err e = {0};
        if (name.len > MODEL_NAME_MAX || text_checks_response_field(name, &e) != ERR_OK) {
            report_problem(d->r, path, "%s", e.code == ERR_OK ? "is too long" : e.msg);
            continue;
        }
        char *text =
            take_text(d, path, json_object_iter_value(it), VALUE_MAX, text_checks_header_value);
        if (text != NULL)
            vec_push(pairs, ((struct config_pair){mem_dup(name.p, name.len), text}));
    }
}

static void warn_unknown_in_user(struct reading *d, const char *path, json_t *user)
{
    for (void *it = json_object_iter(user); it != NULL; it = json_object_iter_next(user, it)) {
        struct str name = {json_object_iter_key(it), json_object_iter_key_len(it)};
        if (!str_eq(name, STR("username")) && !str_eq(name, STR("password"))) {
            char whole[PATH_BYTES];
            (void)join(whole, path, name);
            report_warning(d->r, whole, "unknown key; a user has username and password");
        }
    }
}

static char *read_credential(struct reading *d, const char *user, json_t *entry, const char *name)
{
    char path[PATH_BYTES];
    (void)join(path, user, str_of(name));
    json_t *value = json_object_get(entry, name);
    if (value != NULL && !json_is_null(value))
        return take_text(d, path, value, VALUE_MAX, text_checks_credential);
    report_problem(d->r, path, "is required");
    return NULL;
}

static bool has_user(const struct config_users *users, const char *name)
{
    for (size_t i = 0; i < users->n; i++) {
        if (strcmp(users->v[i].username, name) == 0)
            return true;
    }
    return false;
}

static void read_users(struct reading *d, const struct keys_key *k, const json_t *value)
{
    struct config_users *users = slot_of(d->c, k);
    size_t n = is_list(d, k, value) ? json_array_size(value) : 0;
    for (size_t i = 0; i < n; i++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof(path), "%s[%zu]", k->path, i);
        json_t *entry = json_array_get(value, i);
        if (!json_is_object(entry)) {
            wrong_type(d, path, "a map with username and password", entry);
            continue;
        }
        warn_unknown_in_user(d, path, entry);
        struct config_user user = {read_credential(d, path, entry, "username"),
                                   read_credential(d, path, entry, "password")};
        bool complete = user.username != NULL && user.password != NULL;
        bool twice = complete && has_user(users, user.username);
        if (complete && strchr(user.username, ':') != NULL)
            report_problem(d->r, path, "a username must not contain ':'");
        if (twice)
            report_problem(d->r, path, "the username is listed twice");
        if (complete && !twice) {
            vec_push(users, user);
        } else {
            free(user.username);
            free(user.password);
        }
    }
}

static bool is_harmless_scalar(const json_t *value)
{
    if (json_is_string(value))
        return json_string_length(value) == 0;
    if (json_is_number(value))
        return !(json_number_value(value) > 0) && !(json_number_value(value) < 0);
    return json_is_null(value) || json_is_false(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* A refused key may be spelled out as long as its value is what happens anyway. */
static void read_refused(struct reading *d, const struct keys_key *k, json_t *value)
{
    if (value == NULL || is_harmless_scalar(value))
        return;
    if (!json_is_object(value)) {
        report_problem(d->r, k->path, "%s", k->later);
        return;
    }
    for (void *it = json_object_iter(value); it != NULL; it = json_object_iter_next(value, it)) {
        struct str name = {json_object_iter_key(it), json_object_iter_key_len(it)};
        char path[PATH_BYTES];
        (void)join(path, k->path, name);
        if (!is_harmless_scalar(json_object_iter_value(it))) {
            report_problem(d->r, path, "%s", k->later);
            return;
        }
    }
}

static void read_key(struct reading *d, const struct keys_key *k)
{
    json_t *value = value_at(d->tree, k->path);
    switch (k->type) {
    case KEYS_MAP:
        read_map(d, k, value);
        break;
    case KEYS_STRING:
        read_string(d, k, value);
        break;
    case KEYS_STRINGS:
        read_strings(d, k, value);
        break;
    case KEYS_BOOL:
    case KEYS_IGNORED:
        read_bool(d, k, value);
        break;
    case KEYS_INT:
        read_int(d, k, value);
        break;
    case KEYS_MS:
        read_ms(d, k, value);
        break;
    case KEYS_WORD:
        read_word(d, k, value);
        break;
    case KEYS_PAIRS:
        read_pairs(d, k, value);
        break;
    case KEYS_USERS:
        read_users(d, k, value);
        break;
    case KEYS_RESOURCES:
        *(json_t **)slot_of(d->c, k) = value == NULL ? json_null() : json_incref(value);
        break;
    case KEYS_REFUSED:
    default:
        read_refused(d, k, value);
        break;
    }
}

static void settle_host(char **host)
{
    char *address = address_host(str_of(*host));
    free(*host);
    *host = address;
}

static void derive(struct reading *d)
{
    struct config *c = d->c;
    if (c->debug && value_at(d->tree, "log_level") == NULL)
        c->log_level = LOG_DEBUG;
    if (value_at(d->tree, "proxy.console_log_level") == NULL)
        c->proxy.console_log_level = c->log_level;
    settle_host(&c->proxy.host);
    settle_host(&c->admin.host);
    settle_host(&c->test_server.host);
    size_t len = strlen(c->storage_dir);
    while (len > 1 && c->storage_dir[len - 1] == '/')
        c->storage_dir[--len] = '\0';
}

/* Whether a text for auth_method is none of its words, which is reported already. */
static bool is_bad_method(struct reading *d)
{
    const json_t *method = value_at(d->tree, "admin.auth_method");
    const struct keys_key *k = keys_find(STR("admin.auth_method"));
    return json_string_length(method) > 0 && find_word(k, method) == NULL;
}

/* Credentials without their method would protect nothing, and a method without them nobody passes. */
static void check_credentials(struct reading *d)
{
    const struct config *c = d->c;
    bool basic = c->admin.auth == CONFIG_AUTH_BASIC;
    bool key = c->admin.auth == CONFIG_AUTH_KEY;
    bool named = *c->admin.key_header != '\0' || *c->admin.key_query != '\0';
    if (basic && c->admin.users.n == 0)
        report_problem(d->r, "admin.auth_method", "basic needs admin.basic_auth.users");
    if (key && c->admin.keys.n == 0)
        report_problem(d->r, "admin.auth_method", "key needs admin.key_auth.keys");
    if (!basic && c->admin.users.n > 0)
        report_problem(d->r, "admin.basic_auth", "has no effect without admin.auth_method: basic");
    if (!key && (c->admin.keys.n > 0 || named))
        report_problem(d->r, "admin.key_auth", "has no effect without admin.auth_method: key");
}

#define OPEN_ADMIN                                                                                 \
    "other machines could change everything through %s: set auth_method or allow_list under "      \
    "admin, or listen on 127.0.0.1"

static void check_admin(struct reading *d)
{
    const struct config *c = d->c;
    bool open = c->admin.auth == CONFIG_AUTH_NONE && c->admin.allow_list.n == 0;
    if (*c->admin.key_header != '\0' && *c->admin.key_query != '\0')
        report_problem(d->r, "admin.key_auth",
                       "only one of header_name and query_param_name can be set");
    if (is_bad_method(d))
        return;
    check_credentials(d);
    bool reachable = c->admin.enabled && !address_is_loopback(str_of(c->admin.host));
    if (reachable && open)
        report_problem(d->r, "admin.host", OPEN_ADMIN, c->admin.host);
}

/* What was asked for must have an effect. */
static void check_rate(struct reading *d)
{
    const struct config *c = d->c;
    struct rate rate = {c->proxy.rate_limit.requests, c->proxy.rate_limit.period_ms * 1000000,
                        c->proxy.rate_limit.burst};
    struct err e = {0};
    if (rate.requests == 0 && rate.burst > 0)
        report_problem(d->r, "proxy.rate_limit.burst",
                       "has no effect without proxy.rate_limit.requests");
    int64_t usual = keys_find(STR("proxy.rate_limit.period"))->default_int;
    if (rate.requests == 0 && c->proxy.rate_limit.period_ms != usual)
        report_problem(d->r, "proxy.rate_limit.period",
                       "has no effect without proxy.rate_limit.requests");
    if (rate_check(&rate, &e) != ERR_OK)
        report_problem(d->r, "proxy.rate_limit.burst", "%s", e.msg);
}

void reader_read(json_t *tree, struct config *c, struct report *r)
{
    struct reading d = {.tree = tree, .c = c, .r = r};
    if (tree != NULL && !json_is_object(tree) && !json_is_null(tree))
        wrong_type(&d, "", "a map of keys", tree);
    check_maps(&d);
    for (size_t i = 0; i < keys_count; i++)
        read_key(&d, &keys_all[i]);
    derive(&d);
    check_admin(&d);
    check_rate(&d);
    if (*c->admin.key_header == '\0' && *c->admin.key_query == '\0') {
        free(c->admin.key_header);
        c->admin.key_header = mem_strdup("X-DGate-Key");
    }
}
