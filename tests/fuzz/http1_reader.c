/* Reads streams of HTTP/1 requests for tests/fuzz/differential.mjs: what a server understands of them.
 *
 * stdin: for each stream four bytes of length, the highest first, and the stream. stdout: for each a line of
 * JSON, {"requests": [...], "end": E}, where E is "end", "closed" (after a request that ends the connection),
 * "incomplete", or the name of the error. Octets beyond ASCII are \u00XX.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/http1.h"
#include "codec/http1_body.h"

enum { STREAM_MAX = 1 << 20, ARENA_MAX = 1 << 22 };

static const struct http1_limits limits = {
    .line_max = 16 << 10, .head_max = 64 << 10, .fields_max = 100, .trailer_max = 16 << 10};

static void put_text(struct str s)
{
    (void)putchar('"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            (void)printf("\\u%04x", c);
        else
            (void)putchar(c);
    }
    (void)putchar('"');
}

static void put_member(const char *name, struct str value)
{
    (void)printf("\"%s\":", name);
    put_text(value);
    (void)putchar(',');
}

static void put_fields(const char *name, const struct http_fields *fs)
{
    (void)printf("\"%s\":[", name);
    for (uint32_t i = 0; i < fs->n; i++) {
        (void)fputs(i > 0 ? ",[" : "[", stdout);
        put_text(fs->v[i].name);
        (void)putchar(',');
        put_text(fs->v[i].value);
        (void)putchar(']');
    }
    (void)fputs("],", stdout);
}

static void put_request(const struct http1_head *h, const struct http1_body *b, struct str body)
{
    (void)putchar('{');
    put_member("method", h->head.method);
    put_member("authority", h->head.authority);
    put_member("target", h->head.target);
    put_fields("fields", &h->head.fields);
    put_fields("trailers", &b->trailers);
    put_member("body", body);
    (void)printf("\"version\":%u}", h->head.version);
}

/* Reads the body behind a head; the name of the error, "incomplete", or NULL. */
static const char *read_body(struct http1_body *b, struct str *in, struct buf *body)
{
    const struct http1_error *error = NULL;
    for (;;) {
        struct str data = {0};
        size_t used = 0;
        enum http1_result result = http1_body_read(b, *in, SIZE_MAX, &data, &used, &error);
        if (result == HTTP1_ERROR)
            return error->name;
        if (!buf_add(body, data))
            abort();
        *in = str_skip(*in, used);
        if (result == HTTP1_DONE)
            return NULL;
        if (used == 0)
            return "incomplete";
    }
}

/* Reads one request and writes it; how the stream ends, or NULL when it goes on. */
static const char *read_one(struct str *in, bool first)
{
    struct arena arena;
    struct http1_head head;
    size_t used = 0;
    const struct http1_error *error = NULL;
    const char *end = NULL;
    if (in->len == 0)
        return "end";
    arena_init(&arena, ARENA_MAX);
    struct http1_reader r = {.limits = &limits, .arena = &arena};
    enum http1_result result = http1_read_request(&r, *in, &head, &used, &error);
    if (result == HTTP1_DONE) {
        struct http1_body b;
        struct buf body;
        *in = str_skip(*in, used);
        buf_init(&body, STREAM_MAX);
        http1_body_init(&b, head.framing, head.head.content_length, &limits, &arena);
        end = read_body(&b, in, &body);
        if (end == NULL) {
            (void)fputs(first ? "" : ",", stdout);
            put_request(&head, &b, buf_str(&body));
            end = head.keep_alive ? NULL : "closed";
        }
        http1_body_finish(&b);
        buf_finish(&body);
    } else {
        end = result == HTTP1_ERROR ? error->name : "incomplete";
    }
    arena_finish(&arena);
    return end;
}

int main(void)
{
    static char stream[STREAM_MAX];
    unsigned char size[4];
    while (fread(size, 1, sizeof(size), stdin) == sizeof(size)) {
        size_t len = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
        if (len > sizeof(stream) || fread(stream, 1, len, stdin) != len)
            return EXIT_FAILURE;
        struct str in = {stream, len};
        const char *end = NULL;
        (void)fputs("{\"requests\":[", stdout);
        for (bool first = true; end == NULL; first = false)
            end = read_one(&in, first);
        (void)printf("],\"end\":\"%s\"}\n", end);
        if (fflush(stdout) != 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
