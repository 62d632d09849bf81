#include "proxy/access_record.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/now.h"
#include "base/utf8.h"

/* What escaped values may take. Together with all names they fit a line. */
enum {
    SHORT_MAX = 128,
    MIDDLE_MAX = 256,
    LONG_MAX_BYTES = 384,
    TARGET_MAX = 1024,
    MARK_SIZE = 3,
    ESCAPE_MAX = 6
};

struct line {
    char *bytes;
    size_t len;
    bool json;
};

static void put(struct line *l, struct str s)
{
    assert(s.len <= ACCESS_RECORD_MAX - l->len);
    if (s.len > 0)
        memcpy(l->bytes + l->len, s.p, s.len);
    l->len += s.len;
}

__attribute__((format(printf, 2, 3))) static void putf(struct line *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(l->bytes + l->len, ACCESS_RECORD_MAX - l->len, fmt, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < ACCESS_RECORD_MAX - l->len);
    l->len += (size_t)n;
}

/* Bytes at the start of s that need no escape: one character, or none. */
static size_t plain(const struct line *l, struct str s)
{
    const unsigned char c = (unsigned char)s.p[0];
    if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
        return 0;
    if (c < 0x80)
        return 1;
    return l->json ? utf8_length(s) : 0;
}

static void put_escaped(struct line *l, struct str s, size_t max)
{
    const size_t end = l->len + max - MARK_SIZE;
    while (s.len > 0) {
        const size_t n = plain(l, s);
        if (l->len + (n > 0 ? n : ESCAPE_MAX) > end) {
            put(l, STR("..."));
            return;
        }
        const unsigned char c = (unsigned char)s.p[0];
        if (n > 0)
            put(l, str_slice(s, 0, n));
        else if (l->json)
            putf(l, "\\u%04x", c < 0x80 ? c : 0xfffdu);
        else
            putf(l, "\\x%02X", c);
        s = str_skip(s, n > 0 ? n : 1);
    }
}

static void put_quoted(struct line *l, struct str s, size_t max)
{
    if (s.len == 0) {
        put(l, l->json ? STR("null") : STR("\"-\""));
        return;
    }
    put(l, STR("\""));
    put_escaped(l, s, max);
    put(l, STR("\""));
}

static void put_name(struct line *l, const char *name)
{
    if (l->json)
        putf(l, "%s\"%s\":", l->len > 1 ? "," : "", name);
    else
        putf(l, " %s=", name);
}

static void put_text(struct line *l, const char *name, struct str value, size_t max)
{
    put_name(l, name);
    put_quoted(l, value, max);
}

static void put_number(struct line *l, const char *name, uint64_t value)
{
    put_name(l, name);
    putf(l, "%" PRIu64, value);
}

static void put_ms(struct line *l, const char *name, uint64_t us)
{
    put_name(l, name);
    if (us == ACCESS_RECORD_NONE)
        put(l, l->json ? STR("null") : STR("-"));
    else
        putf(l, "%" PRIu64 ".%03" PRIu64, us / 1000, us % 1000);
}

static struct str protocol(uint8_t version)
{
    if (version == 10)
        return STR("HTTP/1.0");
    return version == 20 ? STR("HTTP/2.0") : STR("HTTP/1.1");
}

/* As in the logs of NCSA httpd: [22/Nov/2026:06:03:43 +0000]. */
static void put_clf_time(struct line *l, int64_t wall_ms)
{
    const time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[40];
    if (gmtime_r(&seconds, &tm) == NULL)
        return;
    const size_t n = strftime(text, sizeof(text), "[%d/%b/%Y:%H:%M:%S +0000]", &tm);
    put(l, (struct str){text, n});
}

/* The part that is the same in both. */
static void put_rest(struct line *l, const struct access_record *r)
{
    put_number(l, "request_bytes", r->received);
    put_ms(l, "duration_ms", r->duration_us);
    put_text(l, "upstream", r->upstream, LONG_MAX_BYTES);
    put_ms(l, "upstream_ms", r->upstream_us);
    put_ms(l, "module_ms", r->module_us);
    put_number(l, "retries", r->retries);
    put_text(l, "namespace", r->ns, SHORT_MAX);
    put_text(l, "route", r->route, SHORT_MAX);
    put_text(l, "service", r->service, SHORT_MAX);
    put_text(l, "request_id", r->id, SHORT_MAX);
    put_text(l, "error", r->error, MIDDLE_MAX);
}

static void write_text(struct line *l, const struct access_record *r)
{
    if (r->client.len > 0)
        put_escaped(l, r->client, SHORT_MAX);
    else
        put(l, STR("-"));
    put(l, STR(" - - "));
    put_clf_time(l, r->wall_ms);
    put(l, STR(" \""));
    put_escaped(l, r->method, SHORT_MAX);
    put(l, STR(" "));
    put_escaped(l, r->target, TARGET_MAX);
    put(l, STR(" "));
    put(l, protocol(r->version));
    put(l, STR("\" "));
    if (r->status > 0)
        putf(l, "%u ", (unsigned)r->status);
    else
        put(l, STR("- "));
    putf(l, "%" PRIu64 " ", r->sent);
    put_quoted(l, r->referer, LONG_MAX_BYTES);
    put(l, STR(" "));
    put_quoted(l, r->user_agent, LONG_MAX_BYTES);
    put_text(l, "host", r->host, MIDDLE_MAX);
    put_rest(l, r);
}

static void write_json(struct line *l, const struct access_record *r)
{
    char time[NOW_RFC3339_SIZE];
    now_rfc3339(r->wall_ms, time);
    put(l, STR("{"));
    put_text(l, "time", str_of(time), SHORT_MAX);
    put_text(l, "client", r->client, SHORT_MAX);
    put_text(l, "method", r->method, SHORT_MAX);
    put_text(l, "host", r->host, MIDDLE_MAX);
    put_text(l, "target", r->target, TARGET_MAX);
    put_text(l, "protocol", protocol(r->version), SHORT_MAX);
    put_name(l, "status");
    if (r->status > 0)
        putf(l, "%u", (unsigned)r->status);
    else
        put(l, STR("null"));
    put_number(l, "response_bytes", r->sent);
    put_rest(l, r);
    put_text(l, "user_agent", r->user_agent, LONG_MAX_BYTES);
    put_text(l, "referer", r->referer, LONG_MAX_BYTES);
    put(l, STR("}"));
}

struct str access_record_write(
    const struct access_record *r, enum access_record_format format,
    /* NOLINTNEXTLINE(readability-non-const-parameter): filled by way of l */
    char ret[ACCESS_RECORD_MAX])
{
    struct line l = {.bytes = ret, .json = format == ACCESS_RECORD_JSON};
    if (l.json)
        write_json(&l, r);
    else
        write_text(&l, r);
    put(&l, STR("\n"));
    return (struct str){ret, l.len};
}
