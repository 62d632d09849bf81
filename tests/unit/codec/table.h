/* Reads the tables of tests/http1/, which say there how they are written. */
#ifndef UNIT_CODEC_TABLE_H
#define UNIT_CODEC_TABLE_H

#include "base/buf.h"
#include "testing.h"

/* A word in braces that stands for other bytes; the text has no macros. */
struct table_macro {
    const char *name; /* "{GET}" */
    const char *text; /* as in the table, escapes included */
};

struct table_row {
    int line;
    char *outcome;
    struct str bytes;
    size_t message; /* bytes before {END}; all without one */
    bool head;      /* {HEAD} */
    bool fin;       /* {FIN} */
};

/* Tells with print_error() and returns false when the row does not hold. */
typedef bool table_check(const struct table_row *row);

enum { TABLE_LINE_MAX = 4096, TABLE_BYTES_MAX = 1 << 17, TABLE_COLUMNS = 3 };

static inline unsigned char table_escape(const char **p)
{
    char c = *(*p)++;
    switch (c) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '0':
        return '\0';
    case '\\':
        return '\\';
    default:
        break;
    }
    assert_int_equal(c, 'x');
    char digits[3] = {(*p)[0], (*p)[1], '\0'};
    *p += 2;
    return (unsigned char)strtoul(digits, NULL, 16);
}

/* Reads "*N}" at *p, and goes behind it. */
static inline bool table_times(const char **p, unsigned long *n)
{
    char *end = NULL;
    if (**p != '*')
        return false;
    *n = strtoul(*p + 1, &end, 10);
    if (end == *p + 1 || *end != '}')
        return false;
    *p = end + 1;
    return true;
}

/* "{c*N}" or "{FIELD*N}" at *p; false when it is neither. */
static inline bool table_repeat(struct buf *out, const char **p)
{
    struct str field = STR("{FIELD");
    bool is_field = str_starts(str_of(*p), field);
    struct str unit = is_field ? STR("F: x\r\n") : str_slice(str_of(*p), 1, 2);
    const char *behind = *p + (is_field ? field.len : 1 + unit.len);
    unsigned long n = 0;
    if (!table_times(&behind, &n))
        return false;
    for (; n > 0; n--)
        assert_true(buf_add(out, unit));
    *p = behind;
    return true;
}

/* One word in braces at *p. False when it is none. */
static inline bool table_word(struct buf *out, const char **p, struct table_row *row)
{
    struct str rest = str_of(*p);
    if (str_starts(rest, STR("{END}"))) {
        row->message = out->len;
        *p += 5;
    } else if (str_starts(rest, STR("{FIN}"))) {
        row->fin = true;
        *p += 5;
    } else if (str_starts(rest, STR("{HEAD}"))) {
        row->head = true;
        *p += 6;
    } else {
        return table_repeat(out, p);
    }
    return true;
}

/* Puts the texts of macros in the place of their names. */
static inline void table_expand(struct buf *out, const char *p, const struct table_macro *macros)
{
    while (*p != '\0') {
        const struct table_macro *m = macros;
        while (m->name != NULL && !str_starts(str_of(p), str_of(m->name)))
            m++;
        assert_true(buf_add(out, m->name != NULL ? str_of(m->text) : (struct str){p, 1}));
        p += m->name != NULL ? strlen(m->name) : 1;
    }
}

static inline void table_decode(struct buf *out, const char *text, const struct table_macro *macros,
                                struct table_row *row)
{
    struct buf expanded;
    buf_init(&expanded, TABLE_LINE_MAX);
    table_expand(&expanded, text, macros);
    for (const char *p = buf_cstr(&expanded); *p != '\0';) {
        if (*p == '{' && table_word(out, &p, row))
            continue;
        char c = *p++;
        if (c == '\\')
            c = (char)table_escape(&p);
        assert_true(buf_add(out, (struct str){&c, 1}));
    }
    buf_finish(&expanded);
}

/* Splits at " | "; false when there are not as many columns as there should be. */
static inline bool table_split(char *line, char *columns[TABLE_COLUMNS])
{
    int n = 0;
    columns[n++] = line;
    for (char *bar = line; (bar = strstr(bar, " | ")) != NULL;) {
        *bar = '\0';
        bar += 3;
        if (n == TABLE_COLUMNS)
            return false;
        columns[n++] = bar;
    }
    return n == TABLE_COLUMNS && columns[0][0] != '\0' && columns[2][0] != '\0';
}

/* Calls check for every row, fails when one does not hold; returns how many there were. macros[n].name == NULL ends the macros. */
static inline int table_each(const char *path, const struct table_macro *macros, table_check *check)
{
    static char line[TABLE_LINE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    int number = 0;
    int rows = 0;
    int wrong = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *columns[TABLE_COLUMNS] = {line, line, line};
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (!table_split(line, columns)) {
            print_error("%s:%d is not OUTCOME | BYTES | SOURCE\n", path, number);
            wrong++;
            continue;
        }
        struct buf bytes;
        buf_init(&bytes, TABLE_BYTES_MAX);
        struct table_row row = {.line = number, .outcome = columns[0], .message = SIZE_MAX};
        if (strcmp(columns[1], "(empty)") != 0)
            table_decode(&bytes, columns[1], macros, &row);
        row.bytes = buf_str(&bytes);
        if (row.message == SIZE_MAX)
            row.message = row.bytes.len;
        wrong += check(&row) ? 0 : 1;
        rows++;
        buf_finish(&bytes);
    }
    (void)fclose(file);
    assert_int_equal(wrong, 0);
    return rows;
}

#endif
