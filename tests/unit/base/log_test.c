#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>

#include "base/container.h"
#include "base/log.h"
#include "testing.h"

enum { CAPTURE_SIZE = 64 * 1024 };

static char captured[CAPTURE_SIZE];
static int saved_stdout = -1;
static int reader = -1;

/* Standard output becomes a pipe; captured_end() gives back what was written to it. */
static void capture_begin(void)
{
    int ends[2];
    (void)fflush(stdout);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    saved_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    assert_true(saved_stdout >= 0);
    assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    (void)close(ends[1]);
    reader = ends[0];
}

static struct str capture_end(void)
{
    assert_int_equal(dup2(saved_stdout, STDOUT_FILENO), STDOUT_FILENO);
    (void)close(saved_stdout);
    size_t len = 0;
    ssize_t n;
    while ((n = read(reader, captured + len, sizeof(captured) - len)) > 0)
        len += (size_t)n;
    (void)close(reader);
    return (struct str){captured, len};
}

static void use(enum log_level level, bool json, const char *process)
{
    log_configure(&(struct log_setup){.level = level, .json = json, .process = process});
}

/* The line without its time, whose shape is checked. */
static struct str without_time(struct str line)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    assert_true(line.len > sizeof(shape));
    for (size_t i = 0; i + 1 < sizeof(shape); i++) {
        if (shape[i] == 'd')
            assert_in_range(line.p[i], '0', '9');
        else
            assert_int_equal(line.p[i], shape[i]);
    }
    return str_skip(line, sizeof(shape) - 1);
}

static json_t *parse(struct str line)
{
    assert_int_equal(line.p[line.len - 1], '\n');
    json_error_t error;
    json_t *root = json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL)
        fail_msg("%s in %.*s", error.text, STR_ARG(line));
    return root;
}

static void assert_member(const json_t *root, const char *key, const char *expected)
{
    const json_t *value = json_object_get(root, key);
    assert_non_null(value);
    assert_string_equal(json_string_value(value), expected);
}

static void test_text(void **state)
{
    (void)state;
    use(LOG_INFO, false, NULL);
    capture_begin();
    log_warn("http", "status %d", 500);
    assert_str(without_time(capture_end()), "warn  http: status 500\n");

    use(LOG_INFO, false, "worker-0");
    capture_begin();
    const struct log_field fields[] = {{"plain", STR("/a/b?c")}, {"empty", STR("")},
                                       {"space", STR("a b")},    {"quote", STR("a\"b\\")},
                                       {"feed", STR("a\nb")},    {"bytes", STR("\xff\xc3\xa9")}};
    log_write_fields(LOG_ERROR, "proxy", STR("said \"no\""), fields, ARRAY_LEN(fields));
    assert_str(without_time(capture_end()),
               "error worker-0 proxy: said \"no\" plain=/a/b?c empty=\"\" space=\"a b\" "
               "quote=\"a\\\"b\\\\\" feed=\"a\\u000ab\" bytes=\\ufffd\xc3\xa9\n");
}

static void test_a_message_cannot_forge_a_line(void **state)
{
    (void)state;
    use(LOG_INFO, false, NULL);
    capture_begin();
    log_info("http", "%s", "x\r\n2026-01-01T00:00:00.000Z error http: forged\x1b[31m\x7f");
    struct str out = capture_end();
    assert_int_equal(str_index(out, '\n', 0), out.len - 1);
    assert_str(without_time(out), "info  http: x\\u000d\\u000a2026-01-01T00:00:00.000Z error http: "
                                  "forged\\u001b[31m\\u007f\n");
}

static void test_standard_error_on_request(void **state)
{
    (void)state;
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    capture_begin();
    assert_int_equal(dup2(STDOUT_FILENO, STDERR_FILENO), STDERR_FILENO);
    int elsewhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_equal(dup2(elsewhere, STDOUT_FILENO), STDOUT_FILENO);
    log_configure(&(struct log_setup){.level = LOG_INFO, .process = "p", .to_stderr = true});
    log_info("m", "seen");
    use(LOG_INFO, false, "p");
    log_info("m", "not seen");
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved);
    (void)close(elsewhere);
    assert_str(without_time(capture_end()), "info  p m: seen\n");
}

static void test_levels(void **state)
{
    (void)state;
    for (enum log_level level = LOG_DEBUG; level <= LOG_OFF; level++) {
        use(level, false, NULL);
        capture_begin();
        log_debug("m", "line");
        log_info("m", "line");
        log_warn("m", "line");
        log_error("m", "line");
        struct str out = capture_end();
        size_t lines = 0;
        for (size_t at = 0; (at = str_index(out, '\n', at)) < out.len; at++)
            lines++;
        assert_int_equal(lines, LOG_OFF - level);
        assert_int_equal(log_enabled(LOG_DEBUG), level == LOG_DEBUG);
    }
}

static void test_level_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        enum log_level level;
    } cases[] = {
        {"debug", true, LOG_DEBUG}, {"TRACE", true, LOG_DEBUG},  {"Info", true, LOG_INFO},
        {"warn", true, LOG_WARN},   {"warning", true, LOG_WARN}, {"error", true, LOG_ERROR},
        {"FATAL", true, LOG_ERROR}, {"panic", true, LOG_ERROR},  {"dpanic", true, LOG_ERROR},
        {"", false, LOG_OFF},       {"info ", false, LOG_OFF},   {"verbose", false, LOG_OFF},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum log_level level = LOG_OFF;
        assert_int_equal(log_level_parse(str_of(cases[i].text), &level), cases[i].ok);
        assert_int_equal(level, cases[i].level);
    }
    assert_string_equal(log_level_name(LOG_WARN), "warn");
}

static void test_json_escapes(void **state)
{
    (void)state;
    use(LOG_INFO, true, "control");
    const struct {
        struct str in;
        const char *out;
    } cases[] = {
        {STR(""), ""},
        {STR("a\"b\\c/d"), "a\"b\\c/d"},
        {STR("\b\f\n\r\t\x01\x1f\x7f"), "\b\f\n\r\t\x01\x1f\x7f"},
        {STR("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {STR("\xff"), "\xef\xbf\xbd"},
        {STR("a\xc3"), "a\xef\xbf\xbd"},
        {STR("\xc3\x28"), "\xef\xbf\xbd("},
        {STR("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        capture_begin();
        log_write_fields(LOG_INFO, "m", cases[i].in, &(struct log_field){"key \"1\"", cases[i].in},
                         1);
        json_t *root = parse(capture_end());
        assert_member(root, "level", "info");
        assert_member(root, "process", "control");
        assert_member(root, "module", "m");
        assert_member(root, "msg", cases[i].out);
        assert_member(root, "key \"1\"", cases[i].out);
        assert_null(json_object_get(root, "cut"));
        json_decref(root);
    }
    capture_begin();
    log_write_fields(LOG_INFO, "m", STR("a\0b"), NULL, 0);
    json_t *root = parse(capture_end());
    assert_int_equal(json_string_length(json_object_get(root, "msg")), 3);
    json_decref(root);
}

/* One line of that message and a field: at most PIPE_BUF bytes, valid JSON, and marked when something
 * was left out. Returns whether it was. */
static bool check_long_json(struct str message)
{
    capture_begin();
    log_write_fields(LOG_WARN, "m", message, &(struct log_field){"path", STR("/a\"b")}, 1);
    struct str out = capture_end();
    assert_true(out.len <= PIPE_BUF);
    json_t *root = parse(out);
    assert_non_null(json_object_get(root, "msg"));
    bool marked = json_is_true(json_object_get(root, "cut"));
    assert_true(marked || json_object_get(root, "path") != NULL);
    json_decref(root);
    return marked;
}

static void test_long_json_stays_json(void **state)
{
    (void)state;
    use(LOG_INFO, true, "worker-0");
    static const struct {
        const char *unit;
        size_t written; /* bytes of the line that a unit takes */
    } cases[] = {{"x", 1},   {"\"", 2}, {"\n", 6}, {"\xc3\xa9", 2}, {"\xf0\x9f\x98\x80", 4},
                 {"\xff", 6}};
    static char text[8192];
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        size_t unit = strlen(cases[c].unit);
        for (size_t shift = 0; shift < 8; shift++) {
            memset(text, 'x', shift);
            size_t len = shift;
            for (; len + unit <= sizeof(text); len += unit)
                memcpy(text + len, cases[c].unit, unit);
            assert_true(check_long_json((struct str){text, len}));
            /* From "all fits" to "nothing of the field fits", a unit at a time. */
            size_t fits = (PIPE_BUF - 200) / cases[c].written;
            bool first = check_long_json((struct str){text, shift + fits * unit});
            bool last = first;
            for (size_t n = fits; n < fits + 150 / cases[c].written + 1; n++)
                last = check_long_json((struct str){text, shift + n * unit});
            assert_false(first);
            assert_true(last);
        }
    }
}

static void test_long_text_is_marked(void **state)
{
    (void)state;
    use(LOG_INFO, false, NULL);
    static char text[8192];
    memset(text, 'x', sizeof(text) - 1);
    capture_begin();
    log_info("m", "%s", text);
    struct str out = capture_end();
    assert_in_range(out.len, 4000, PIPE_BUF);
    assert_true(str_ends(out, STR("xxx...\n")));

    capture_begin();
    text[7] = ' ';
    log_write_fields(LOG_INFO, "m", STR("msg"), &(struct log_field){"k", {text, sizeof(text)}}, 1);
    out = capture_end();
    assert_in_range(out.len, 4000, PIPE_BUF);
    assert_true(str_ends(out, STR("xxx...\"\n")));
}

/* A message of any length leaves room for the fields, one without fields none. */
static void test_fields_after_a_long_message(void **state)
{
    (void)state;
    static char text[100000];
    memset(text, 'x', sizeof(text));
    const struct log_field fields[] = {{"route", STR("default/api")}, {"request_id", STR("42")}};
    use(LOG_INFO, false, NULL);
    for (size_t len = 3900; len < 4200; len++) {
        capture_begin();
        log_write_fields(LOG_INFO, "m", (struct str){text, len}, fields, ARRAY_LEN(fields));
        const struct str out = capture_end();
        assert_true(out.len <= PIPE_BUF);
        assert_true(str_ends(out, STR(" route=default/api request_id=42\n")));
        if (str_contains(out, STR("...")))
            assert_in_range(out.len, PIPE_BUF - 40, PIPE_BUF);
    }
    use(LOG_INFO, true, NULL);
    capture_begin();
    log_write_fields(LOG_INFO, "m", (struct str){text, sizeof(text)}, fields, ARRAY_LEN(fields));
    json_t *root = parse(capture_end());
    assert_member(root, "route", "default/api");
    assert_member(root, "request_id", "42");
    assert_true(json_is_true(json_object_get(root, "cut")));
    assert_true(json_string_length(json_object_get(root, "msg")) > 3900);
    json_decref(root);

    /* Fields have half of the line at most. */
    capture_begin();
    log_write_fields(LOG_INFO, "m", (struct str){text, sizeof(text)},
                     &(struct log_field){"k", {text, sizeof(text)}}, 1);
    root = parse(capture_end());
    assert_in_range(json_string_length(json_object_get(root, "msg")), 1900, 2048);
    assert_in_range(json_string_length(json_object_get(root, "k")), 1900, 2048);
    json_decref(root);
}

static void test_errno_survives(void **state)
{
    (void)state;
    use(LOG_INFO, false, NULL);
    capture_begin();
    int pipe_end = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    (void)close(STDOUT_FILENO);
    errno = ENOENT;
    log_info("m", "nobody hears it");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(dup2(pipe_end, STDOUT_FILENO), STDOUT_FILENO);
    (void)close(pipe_end);
    assert_str(capture_end(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_a_message_cannot_forge_a_line),
        cmocka_unit_test(test_standard_error_on_request),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_level_parse),
        cmocka_unit_test(test_json_escapes),
        cmocka_unit_test(test_long_json_stays_json),
        cmocka_unit_test(test_long_text_is_marked),
        cmocka_unit_test(test_fields_after_a_long_message),
        cmocka_unit_test(test_errno_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
