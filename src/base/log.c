#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"
#include "base/utf8.h"

/* PIPE_BUF bytes at most, so that a pipe takes the line whole. */
enum { LINE_MAX_BYTES = 4096, END_ROOM = 16, MESSAGE_END = LINE_MAX_BYTES / 2 };

/* A line being made; the last END_ROOM bytes are kept free for its end. */
struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
    size_t end;     /* how far it may be filled now */
    bool quoted;    /* within a quoted value */
    bool cut;       /* something did not fit; nothing is added after that */
    bool shortened; /* the message did not fit before the fields */
};

static struct log_setup current = {.level = LOG_INFO, .process = ""};

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error", "off"};

void log_configure(const struct log_setup *setup)
{
    current = *setup;
    if (current.process == NULL)
        current.process = "";
}

bool log_enabled(enum log_level level)
{
    return level >= current.level;
}

const char *log_level_name(enum log_level level)
{
    return LEVEL_NAMES[level];
}

bool log_level_parse(struct str text, enum log_level *ret)
{
    static const struct {
        const char *name;
        enum log_level level;
    } known[] = {{"trace", LOG_DEBUG}, {"debug", LOG_DEBUG},  {"info", LOG_INFO},
                 {"warn", LOG_WARN},   {"warning", LOG_WARN}, {"error", LOG_ERROR},
                 {"fatal", LOG_ERROR}, {"dpanic", LOG_ERROR}, {"panic", LOG_ERROR}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq_nocase(text, str_of(known[i].name))) {
            *ret = known[i].level;
            return true;
        }
    }
    return false;
}

static size_t room(const struct line *l)
{
    return l->cut ? 0 : l->end - l->len;
}

static void put(struct line *l, struct str s)
{
    struct str fitting = utf8_cut(s, room(l));
    if (fitting.len > 0)
        memcpy(l->bytes + l->len, fitting.p, fitting.len);
    l->len += fitting.len;
    l->cut = l->cut || fitting.len < s.len;
}

/* For what is of no use in part: an escape, a quote, a key. */
static void put_whole(struct line *l, struct str s)
{
    if (s.len > room(l))
        l->cut = true;
    else
        put(l, s);
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* Bytes from i on that need no escape. */
static size_t plain_run(struct str s, size_t i, bool quoted)
{
    size_t from = i;
    while (i < s.len) {
        unsigned char c = (unsigned char)s.p[i];
        size_t n = c < 0x80 ? 1 : utf8_length(str_skip(s, i));
        if (n == 0 || is_control(c) || (quoted && (c == '"' || c == '\\')))
            break;
        i += n;
    }
    return i - from;
}

/* JSON's escapes; a byte that is no UTF-8 becomes the replacement character. Quotes and backslashes
 * are escaped where the text is quoted only. */
static void put_escaped(struct line *l, struct str s, bool quoted)
{
    for (size_t i = 0; i < s.len && !l->cut; i++) {
        size_t run = plain_run(s, i, quoted);
        put(l, str_slice(s, i, i + run));
        i += run;
        if (i == s.len)
            return;
        unsigned char c = (unsigned char)s.p[i];
        char esc[8];
        int n = c == '"' || c == '\\'
                    ? snprintf(esc, sizeof(esc), "\\%c", c)
                    : snprintf(esc, sizeof(esc), "\\u%04x", c < 0x80 ? (unsigned)c : 0xfffdu);
        put_whole(l, (struct str){esc, (size_t)n});
    }
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return false;
    }
    return s.len > 0;
}

static void put_quoted(struct line *l, struct str s)
{
    put_whole(l, STR("\""));
    if (l->cut)
        return;
    l->quoted = true;
    put_escaped(l, s, true);
    put_whole(l, STR("\""));
    l->quoted = l->cut;
}

static void put_time(struct line *l)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    struct tm tm;
    (void)gmtime_r(&ts.tv_sec, &tm);
    char text[40];
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    put(l, (struct str){text, n});
    int m = snprintf(text, sizeof(text), ".%03ldZ", ts.tv_nsec / 1000000);
    put(l, (struct str){text, (size_t)m});
}

/* A pair of which not even the value's beginning fits is left out. */
static void put_json_pair(struct line *l, const char *key, struct str value)
{
    size_t before = l->len;
    put_whole(l, STR(",\""));
    put_escaped(l, str_of(key), true);
    put_whole(l, STR("\":"));
    put_quoted(l, value);
    if (l->cut && !l->quoted)
        l->len = before;
}

static void put_text_pair(struct line *l, const char *key, struct str value)
{
    size_t before = l->len;
    put_whole(l, STR(" "));
    put_whole(l, str_of(key));
    put_whole(l, STR("="));
    if (l->cut)
        l->len = before;
    else if (is_plain(value))
        put_escaped(l, value, false);
    else
        put_quoted(l, value);
}

static void start_line(struct line *l, enum log_level level, const char *module)
{
    l->len = 0;
    l->end = sizeof(l->bytes) - END_ROOM;
    l->quoted = false;
    l->cut = false;
    l->shortened = false;
    if (current.json) {
        put(l, STR("{\"time\":\""));
        put_time(l);
        put(l, STR("\""));
        put_json_pair(l, "level", str_of(LEVEL_NAMES[level]));
        if (current.process[0] != '\0')
            put_json_pair(l, "process", str_of(current.process));
        put_json_pair(l, "module", str_of(module));
        return;
    }
    put_time(l);
    char head[128];
    int n = snprintf(head, sizeof(head), " %-5s %s%s%s: ", LEVEL_NAMES[level], current.process,
                     current.process[0] == '\0' ? "" : " ", module);
    put(l, (struct str){head, n < (int)sizeof(head) ? (size_t)n : sizeof(head) - 1});
}

/* Of fields without escapes. */
static size_t fields_size(const struct log_field *fields, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += sizeof(",\"\":\"\"") + strlen(fields[i].key) + fields[i].value.len;
    return size;
}

/* A long one leaves the fields, which say what it is about, the room that they need, up to half of the line. */
static void put_message(struct line *l, struct str message, size_t fields)
{
    const size_t end = l->end;
    l->end = fields < end - MESSAGE_END ? end - fields : MESSAGE_END;
    if (current.json)
        put_json_pair(l, "msg", message);
    else
        put_escaped(l, message, false);
    l->end = end;
    if (!l->cut || fields == 0)
        return;
    l->cut = false;
    l->quoted = false;
    l->shortened = true;
    put(l, current.json ? STR("\"") : STR("..."));
}

static void end_with(struct line *l, struct str s)
{
    memcpy(l->bytes + l->len, s.p, s.len);
    l->len += s.len;
}

static void finish_line(struct line *l)
{
    if (l->cut && !current.json)
        end_with(l, STR("..."));
    if (l->quoted)
        end_with(l, STR("\""));
    if ((l->cut || l->shortened) && current.json)
        end_with(l, STR(",\"cut\":true"));
    end_with(l, current.json ? STR("}\n") : STR("\n"));
    const int fd = current.to_stderr ? STDERR_FILENO : STDOUT_FILENO;
    int saved = errno; /* callers log between a failure and the look at its errno */
    size_t off = 0;
    while (off < l->len) {
        ssize_t n = write(fd, l->bytes + off, l->len - off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        off += (size_t)n;
    }
    errno = saved;
}

void log_write_fields(enum log_level level, const char *module, struct str message,
                      const struct log_field *fields, size_t count)
{
    if (!log_enabled(level))
        return;
    struct line l;
    start_line(&l, level, module);
    put_message(&l, message, fields_size(fields, count));
    for (size_t i = 0; i < count; i++) {
        if (current.json)
            put_json_pair(&l, fields[i].key, fields[i].value);
        else
            put_text_pair(&l, fields[i].key, fields[i].value);
    }
    finish_line(&l);
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    char text[LINE_MAX_BYTES]; /* what does not fit here does not fit into the line */
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0)
        return;
    size_t len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    log_write_fields(level, module, (struct str){text, len}, NULL, 0);
}
