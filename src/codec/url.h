/* URLs and paths (RFC 3986). Paths are decided in one place: what url_path_normalise() returns is
 * what routing matches, modules see, stripping cuts and upstreams get.
 */
#ifndef CODEC_URL_H
#define CODEC_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* An absolute URL in parts that point into the text it was parsed from. */
struct url {
    struct str scheme; /* as written; compare without case */
    struct str host;   /* reg-name, IPv4, or IPv6 without its brackets */
    bool host_is_ipv6;
    uint16_t port; /* the scheme's default (http, ws 80; https, wss 443) without one; 0 unknown */
    bool has_port;
    struct str path;  /* "" or begins with "/" */
    struct str query; /* without "?" */
    bool has_query;
};

/* Parses scheme "://" authority path ["?" query]. User information and fragments are refused. The
 * error says what is wrong ("scheme is missing", "port must be 1 to 65535"). */
enum err_code url_parse(struct str text, struct url *ret, struct err *e)
    __attribute__((warn_unused_result));

/* Splits a request target in origin-form into path and query; has_query tells "?" alone. */
void url_split_target(struct str target, struct str *path, struct str *query, bool *has_query);

/* Splits host[:port]; an IPv6 literal loses its brackets. False when it is not a legal authority
 * (RFC 3986 section 3.2.2); *port is 0 when there is none. Empty text is not legal. */
bool url_split_authority(struct str authority, struct str *host, uint16_t *port)
    __attribute__((warn_unused_result));

enum url_path_error { URL_PATH_OK, URL_PATH_BAD, URL_PATH_TOO_LARGE };

/* Normalises a raw path that begins with "/" (RFC 3986 section 6.2.2): unreserved octets are
 * decoded, the hex digits of the others written upper-case, dot segments removed (encoded ones
 * too), octets that may not stand in a path encoded; %2F stays encoded. With merge_slashes runs of
 * "/" become one. A path that is normal already is returned as it is, not copied.
 * BAD: does not begin with "/", broken percent encoding, %00, %5C or "\", a control character.
 * TOO_LARGE: the arena's limit. */
enum url_path_error url_path_normalise(struct str raw, bool merge_slashes, struct arena *a,
                                       struct str *ret) __attribute__((warn_unused_result));

/* Appends s percent-decoded ("+" too becomes a space if plus). Broken encodings are kept as they
 * are. False past b's maximum. */
bool url_decode(struct buf *b, struct str s, bool plus) __attribute__((warn_unused_result));

/* Appends s with everything but unreserved octets percent-encoded. False past b's maximum. */
bool url_encode(struct buf *b, struct str s) __attribute__((warn_unused_result));

#endif
