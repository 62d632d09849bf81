#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"

enum { LINE_MAX_BYTES = 4096, CUT_MARK_ROOM = 8 };

/* A line being made; the last bytes are kept free for the cut mark and the line feed. */
struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
    bool cut;
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

static void put(struct line *l, struct str s)
{
    size_t room = sizeof(l->bytes) - CUT_MARK_ROOM - l->len;
    if (s.len > room) {
        l->cut = true;
        s.len = room;
    }
    if (s.len > 0)
        memcpy(l->bytes + l->len, s.p, s.len);
    l->len += s.len;
}

static void put_escaped(struct line *l, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\') {
            put(l, str_slice(s, i, i + 1));
            continue;
        }
        char esc[8];
        int n = c == '"' || c == '\\' ? snprintf(esc, sizeof(esc), "\\%c", c)
                                      : snprintf(esc, sizeof(esc), "\\u%04x", (unsigned)c);
        put(l, (struct str){esc, (size_t)n});
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
    put(l, STR("\""));
    put_escaped(l, s);
    put(l, STR("\""));
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

static void put_json_pair(struct line *l, const char *key, struct str value)
{
    put(l, STR(",\""));
    put(l, str_of(key));
    put(l, STR("\":"));
    put_quoted(l, value);
}

static void start_line(struct line *l, enum log_level level, const char *module, struct str message)
{
    l->len = 0;
    l->cut = false;
    if (current.json) {
        put(l, STR("{\"time\":\""));
        put_time(l);
        put(l, STR("\""));
        put_json_pair(l, "level", str_of(LEVEL_NAMES[level]));
        if (current.process[0] != '\0')
            put_json_pair(l, "process", str_of(current.process));
        put_json_pair(l, "module", str_of(module));
        put_json_pair(l, "msg", message);
        return;
    }
    put_time(l);
    char head[128];
    int n = snprintf(head, sizeof(head), " %-5s %s%s%s: ", LEVEL_NAMES[level], current.process,
                     current.process[0] == '\0' ? "" : " ", module);
    put(l, (struct str){head, n < (int)sizeof(head) ? (size_t)n : sizeof(head) - 1});
    for (size_t i = 0; i < message.len; i++) {
        unsigned char c = (unsigned char)message.p[i];
        if (c >= 0x20 && c != 0x7f)
            put(l, str_slice(message, i, i + 1));
        else
            put_escaped(l, str_slice(message, i, i + 1));
    }
}

static void finish_line(struct line *l)
{
    if (l->cut) {
        memcpy(l->bytes + l->len, "...", 3);
        l->len += 3;
        if (current.json) {
            l->bytes[l->len++] = '"';
        }
    }
    if (current.json)
        l->bytes[l->len++] = '}';
    l->bytes[l->len++] = '\n';
    size_t off = 0;
    while (off < l->len) {
        ssize_t n = write(STDOUT_FILENO, l->bytes + off, l->len - off);
        if (n <= 0)
            return;
        off += (size_t)n;
    }
}

void log_write_fields(enum log_level level, const char *module, struct str message,
                      const struct log_field *fields, size_t count)
{
    if (!log_enabled(level))
        return;
    struct line l;
    start_line(&l, level, module, message);
    for (size_t i = 0; i < count; i++) {
        if (current.json) {
            put_json_pair(&l, fields[i].key, fields[i].value);
            continue;
        }
        put(&l, STR(" "));
        put(&l, str_of(fields[i].key));
        put(&l, STR("="));
        if (is_plain(fields[i].value))
            put(&l, fields[i].value);
        else
            put_quoted(&l, fields[i].value);
    }
    finish_line(&l);
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    char text[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0)
        return;
    size_t len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    log_write_fields(level, module, (struct str){text, len}, NULL, 0);
}
