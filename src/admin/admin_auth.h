/* Who may use the admin API: addresses first, then user names with passwords, or keys. */
#ifndef ADMIN_ADMIN_AUTH_H
#define ADMIN_ADMIN_AUTH_H

#include "base/str.h"

struct admin_auth;
struct exchange;
struct model_strings;

enum admin_auth_method { ADMIN_AUTH_NONE, ADMIN_AUTH_BASIC, ADMIN_AUTH_KEY };

struct admin_auth_user {
    const char *name;
    const char *password;
};

struct admin_auth_options {
    const struct model_strings *allow_list; /* addresses and CIDR blocks; NULL or empty: all may */
    /* The client is the n-th address from the right of all in X-Forwarded-For, the leftmost when there are
     * fewer; up to 0, or without the field: the peer of the connection. */
    int64_t x_forwarded_for_depth;
    enum admin_auth_method method;
    const struct admin_auth_user *users; /* BASIC */
    size_t user_count;
    const struct model_strings *keys; /* KEY */
    const char *key_header;           /* NULL or "": "X-DGate-Key", unless key_query is set */
    const char *key_query;            /* NULL or "": keys come in the header only */
};

/* Copies everything. Never NULL. An address that is none allows nobody. */
struct admin_auth *admin_auth_create(const struct admin_auth_options *options);
void admin_auth_destroy(struct admin_auth *a);

enum admin_auth_result { ADMIN_AUTH_OK, ADMIN_AUTH_FORBIDDEN, ADMIN_AUTH_UNKNOWN };

/* Judges a request. For OK *author says who it is, for the change log: the user's name, "key:<n>" with the number of
 * the key in the configuration from 1 on, or ""; it lives as long as a. query is that of the request. */
enum admin_auth_result admin_auth_check(const struct admin_auth *a, const struct exchange *x,
                                        struct str query, struct str *author);

/* The challenge of a 401 (RFC 9110 section 11.6.1); empty when the method has none. */
struct str admin_auth_challenge(const struct admin_auth *a);

#endif
