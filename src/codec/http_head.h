/* The head of an HTTP message, the same for every version of HTTP (RFC 9110 section 6).
 *
 * A head only borrows: its strs point into memory of whoever made it, who says how long they live.
 * What belongs to one connection (RFC 9110 section 7.6.1: Connection and what it names, Keep-Alive,
 * Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade) and the framing (Content-Length) is
 * not among the fields but in members of its own; http/ takes it out when it receives a head and
 * puts it in when it sends one.
 */
#ifndef CODEC_HTTP_HEAD_H
#define CODEC_HTTP_HEAD_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Field names that the program itself asks for. */
#define HTTP_FIELD_NAMES(X)                                                                        \
    X(ACCEPT_ENCODING, "accept-encoding")                                                          \
    X(ALLOW, "allow")                                                                              \
    X(AUTHORIZATION, "authorization")                                                              \
    X(CONNECTION, "connection")                                                                    \
    X(CONTENT_LENGTH, "content-length")                                                            \
    X(CONTENT_TYPE, "content-type")                                                                \
    X(COOKIE, "cookie")                                                                            \
    X(DATE, "date")                                                                                \
    X(EXPECT, "expect")                                                                            \
    X(FORWARDED, "forwarded")                                                                      \
    X(HOST, "host")                                                                                \
    X(KEEP_ALIVE, "keep-alive")                                                                    \
    X(LOCATION, "location")                                                                        \
    X(PROXY_AUTHENTICATE, "proxy-authenticate")                                                    \
    X(PROXY_AUTHORIZATION, "proxy-authorization")                                                  \
    X(PROXY_CONNECTION, "proxy-connection")                                                        \
    X(SERVER, "server")                                                                            \
    X(SET_COOKIE, "set-cookie")                                                                    \
    X(TE, "te")                                                                                    \
    X(TRAILER, "trailer")                                                                          \
    X(TRANSFER_ENCODING, "transfer-encoding")                                                      \
    X(UPGRADE, "upgrade")                                                                          \
    X(USER_AGENT, "user-agent")                                                                    \
    X(VIA, "via")                                                                                  \
    X(X_FORWARDED_FOR, "x-forwarded-for")                                                          \
    X(X_FORWARDED_HOST, "x-forwarded-host")                                                        \
    X(X_FORWARDED_PROTO, "x-forwarded-proto")                                                      \
    X(X_REAL_IP, "x-real-ip")                                                                      \
    X(X_REQUEST_ID, "x-request-id")

enum http_field_id {
    HTTP_FIELD_OTHER,
#define X(name, text) HTTP_FIELD_##name,
    HTTP_FIELD_NAMES(X)
#undef X
        HTTP_FIELD_COUNT,
};

struct http_field {
    struct str name; /* as received or given; compare with str_eq_nocase() or by id */
    struct str value;
    enum http_field_id id;
};

/* Fields in the order of the message. The array grows in the arena of whoever adds to it. */
struct http_fields {
    struct http_field *v;
    uint32_t n;
    uint32_t cap;
};

/* Versions as major * 10 + minor. */
enum { HTTP_1_0 = 10, HTTP_1_1 = 11, HTTP_2 = 20 };

enum { HTTP_LENGTH_UNKNOWN = -1 };

struct http_head {
    struct str method; /* requests: a token, case-sensitive; empty in a response */
    struct str scheme; /* requests: "http" or "https" */
    /* requests: host[:port] from the target or Host (RFC 9112 section 3.2.2); may be empty */
    struct str authority;
    struct str host;   /* requests as received: of the authority, without brackets; may be empty */
    struct str target; /* requests: origin-form path?query, or "*", or authority-form of CONNECT */
    uint16_t status;   /* responses: 100 to 999; 0 in a request */
    struct str reason; /* responses: may be empty */
    uint8_t version;   /* of the message as received; ignored when sending */
    struct http_fields fields; /* end-to-end fields only (see above); Host is not among them */
    /* Bytes of the body; HTTP_LENGTH_UNKNOWN: delimited otherwise. A request without a body has 0
     * and no_body. */
    int64_t content_length;
    /* Nothing follows the head: requests without body, responses to HEAD, 204, 304 (content_length
     * may still be told, RFC 9110 section 8.6). */
    bool no_body;
    bool expect_continue; /* requests: Expect: 100-continue */
    bool te_trailers;     /* requests: TE contains "trailers" */
    /* Requests: the protocols offered with Connection: Upgrade; responses with status 101: the
     * protocol; else empty. */
    struct str upgrade;
};

/* The id of a name in any case; HTTP_FIELD_OTHER when it is none of HTTP_FIELD_NAMES. */
enum http_field_id http_head_field_id(struct str name);

/* The lower-case name of an id (not of HTTP_FIELD_OTHER). */
struct str http_head_field_name(enum http_field_id id);

/* The first field with that id, or that name in any case; NULL when there is none. */
const struct http_field *http_head_find(const struct http_fields *fs, enum http_field_id id);
const struct http_field *http_head_find_name(const struct http_fields *fs, struct str name);

/* Appends a field; name and value are borrowed. False when the arena's limit would be passed. */
bool http_head_add(struct http_fields *fs, struct arena *a, struct str name, struct str value)
    __attribute__((warn_unused_result));

/* Removes every field of that name and appends this one. */
bool http_head_set(struct http_fields *fs, struct arena *a, struct str name, struct str value)
    __attribute__((warn_unused_result));

/* Removes every field of that name (any case) or id; returns how many there were. */
uint32_t http_head_remove(struct http_fields *fs, struct str name);
uint32_t http_head_remove_id(struct http_fields *fs, enum http_field_id id);

/* Copies head with all its bytes into the arena. False past its limit. */
bool http_head_copy(struct arena *a, const struct http_head *head, struct http_head *ret)
    __attribute__((warn_unused_result));

/* Whether s is a token (RFC 9110 section 5.6.2), a legal field value (section 5.5: no CTL but HTAB,
 * no leading or trailing white space). */
bool http_head_is_token(struct str s);
bool http_head_is_value(struct str s);

/* Whether a method is safe / idempotent (RFC 9110 section 9.2); unknown methods are neither. */
bool http_head_method_idempotent(struct str method);

/* The standard reason phrase of a status, "" when there is none (RFC 9110 section 15). */
struct str http_head_reason(uint16_t status);

#endif
