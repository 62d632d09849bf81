/* One line of the access log: what is known of a request at its end, as text or JSON. */
#ifndef PROXY_ACCESS_RECORD_H
#define PROXY_ACCESS_RECORD_H

#include "base/buf.h"

enum access_record_format { ACCESS_RECORD_TEXT, ACCESS_RECORD_JSON };

/* Empty strs, a status of 0 and times that are not known (ACCESS_RECORD_NONE) are written as "-" or null. */
#define ACCESS_RECORD_NONE UINT64_MAX
struct access_record {
    int64_t wall_ms; /* when the request began */
    struct str client;
    struct str method;
    struct str host;
    struct str target;
    uint8_t version;
    uint16_t status;
    uint64_t sent;     /* bytes of the response's body */
    uint64_t received; /* bytes of the request's body */
    uint64_t duration_us;
    struct str upstream;
    uint64_t upstream_us; /* of the last attempt, until the response's head */
    uint64_t module_us;
    uint32_t retries;
    struct str ns;
    struct str route;
    struct str service;
    struct str id;
    struct str error;
    struct str user_agent;
    struct str referer;
};

/* A line never has more bytes than this (PIPE_BUF of Linux); long values are cut, marked with "...". */
enum { ACCESS_RECORD_MAX = 4096 };

/* Writes the line with its newline; the result points into ret. Nothing that a client sends can end a value or the
 * line. */
struct str access_record_write(const struct access_record *r, enum access_record_format format,
                               char ret[ACCESS_RECORD_MAX]);

#endif
