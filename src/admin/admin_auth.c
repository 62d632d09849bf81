/* Passwords and keys are kept and compared as SHA-256 digests: all of them, each in constant time, so that the time
 * of an answer tells nothing about them.
 */
#include "admin/admin_auth.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_query.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/base64.h"
#include "codec/forwarded.h"
#include "codec/ip_address.h"
#include "http/exchange.h"
#include "model/model.h"

enum { CREDENTIALS_MAX = 1024 };

struct credential {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char *author;
};

struct admin_auth {
    struct ip_address_list allowed;
    bool all_allowed;
    int64_t depth;
    enum admin_auth_method method;
    struct {
        VEC_OF(struct credential);
    } credentials;
    char *key_header; /* NULL: none */
    char *key_query;  /* NULL: none */
};

static void add_credential(struct admin_auth *a, struct str secret, const char *author)
{
    struct credential c = {.author = mem_strdup(author)};
    if (SHA256((const unsigned char *)secret.p, secret.len, c.digest) == NULL)
        abort();
    vec_push(&a->credentials, c);
}

static void add_users(struct admin_auth *a, const struct admin_auth_options *options)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 4);
    for (size_t i = 0; i < options->user_count; i++) {
        const struct admin_auth_user *u = &options->users[i];
        bool ok = buf_addf(&b, "%s:%s", u->name, u->password);
        assert(ok);
        add_credential(a, buf_str(&b), u->name);
        buf_clear(&b);
    }
    buf_finish(&b);
}

static void add_keys(struct admin_auth *a, const struct admin_auth_options *options)
{
    for (size_t i = 0; options->keys != NULL && i < options->keys->n; i++) {
        char author[32];
        (void)snprintf(author, sizeof(author), "key:%zu", i + 1);
        add_credential(a, str_of(options->keys->v[i]), author);
    }
}

static void add_allowed(struct admin_auth *a, const struct model_strings *list)
{
    a->all_allowed = list == NULL || list->n == 0;
    for (size_t i = 0; list != NULL && i < list->n; i++) {
        if (!ip_address_list_add(&a->allowed, str_of(list->v[i])))
            log_error("admin", "allow_list: \"%s\" is neither an address nor a block", list->v[i]);
    }
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

struct admin_auth *admin_auth_create(const struct admin_auth_options *options)
{
    struct admin_auth *a = mem_alloc(sizeof(*a));
    a->depth = options->x_forwarded_for_depth;
    a->method = options->method;
    add_allowed(a, options->allow_list);
    if (a->method == ADMIN_AUTH_BASIC)
        add_users(a, options);
    if (a->method == ADMIN_AUTH_KEY)
        add_keys(a, options);
    if (is_set(options->key_query))
        a->key_query = mem_strdup(options->key_query);
    if (is_set(options->key_header))
        a->key_header = mem_strdup(options->key_header);
    else if (a->key_query == NULL)
        a->key_header = mem_strdup("X-DGate-Key");
    return a;
}

void admin_auth_destroy(struct admin_auth *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->credentials.n; i++)
        free(a->credentials.v[i].author);
    vec_finish(&a->credentials);
    ip_address_list_finish(&a->allowed);
    free(a->key_header);
    free(a->key_query);
    free(a);
}

static struct str client_address(const struct admin_auth *a, const struct exchange *x)
{
    const struct str entry = forwarded_entry(&x->request->fields, HTTP_FIELD_X_FORWARDED_FOR,
                                             a->depth > 0 ? (uint64_t)a->depth : 0);
    return entry.len > 0 ? entry : str_of(x->peer.address);
}

static bool is_allowed(const struct admin_auth *a, const struct exchange *x)
{
    struct ip_address client;
    if (a->all_allowed)
        return true;
    return ip_address_parse(client_address(a, x), &client) &&
           ip_address_in_list(&client, &a->allowed);
}

static bool find_credential(const struct admin_auth *a, struct str secret, struct str *author)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    const char *p = secret.p != NULL ? secret.p : "";
    if (SHA256((const unsigned char *)p, secret.len, digest) == NULL)
        abort();
    const char *found = NULL;
    for (size_t i = 0; i < a->credentials.n; i++) {
        const struct credential *c = &a->credentials.v[i];
        if (CRYPTO_memcmp(c->digest, digest, sizeof(digest)) == 0)
            found = c->author;
    }
    if (found == NULL)
        return false;
    *author = str_of(found);
    return true;
}

/* RFC 7617: "Basic" and user-id:password in base64. */
static bool check_basic(const struct admin_auth *a, const struct http_fields *fs,
                        struct str *author)
{
    const struct http_field *f = http_head_find(fs, HTTP_FIELD_AUTHORIZATION);
    struct str scheme = STR("Basic ");
    if (f == NULL || f->value.len < scheme.len ||
        !str_eq_nocase(str_slice(f->value, 0, scheme.len), scheme))
        return false;
    struct buf b;
    buf_init(&b, CREDENTIALS_MAX);
    bool known = base64_decode(&b, str_trim(str_skip(f->value, scheme.len)), NULL) &&
                 find_credential(a, buf_str(&b), author);
    buf_finish(&b);
    return known;
}

static bool check_key(const struct admin_auth *a, const struct http_fields *fs, struct str query,
                      struct str *author)
{
    if (a->key_header != NULL) {
        const struct http_field *f = http_head_find_name(fs, str_of(a->key_header));
        if (f != NULL)
            return find_credential(a, f->value, author);
    }
    if (a->key_query == NULL)
        return false;
    struct buf b;
    buf_init(&b, CREDENTIALS_MAX);
    bool known = admin_query_get(query, str_of(a->key_query), &b) == ADMIN_QUERY_FOUND &&
                 find_credential(a, buf_str(&b), author);
    buf_finish(&b);
    return known;
}

enum admin_auth_result admin_auth_check(const struct admin_auth *a, const struct exchange *x,
                                        struct str query, struct str *author)
{
    const struct http_fields *fs = &x->request->fields;
    if (!is_allowed(a, x))
        return ADMIN_AUTH_FORBIDDEN;
    bool known = true;
    *author = STR("");
    switch (a->method) {
    case ADMIN_AUTH_NONE:
        break;
    case ADMIN_AUTH_BASIC:
        known = check_basic(a, fs, author);
        break;
    case ADMIN_AUTH_KEY:
        known = check_key(a, fs, query, author);
        break;
    }
    return known ? ADMIN_AUTH_OK : ADMIN_AUTH_UNKNOWN;
}

struct str admin_auth_challenge(const struct admin_auth *a)
{
    if (a->method != ADMIN_AUTH_BASIC)
        return (struct str){0};
    return STR("Basic realm=\"Access to DGate Admin API\", charset=\"UTF-8\"");
}
