/* The text is read once, left to right. Literal bytes gather, in the form they have in a normalised path, until
 * a capture or the end makes a part of them.
 */
#include "route/pattern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/octets.h"
#include "route/rex.h"

enum {
    OCTET_SIZE = 3, /* of an octet that is percent-encoded */
    CANONICAL_MAX = (OCTET_SIZE + 1) * PATTERN_TEXT_MAX,
};

struct pattern {
    unsigned refs;
    char *text;
    size_t text_len;
    char *literals; /* room for the text with every byte percent-encoded */
    size_t literals_len;
    struct buf canonical;
    size_t captures;
    VEC_OF(struct pattern_part); /* texts of literals point into literals, all others into text */
};

struct parser {
    struct pattern *p;
    struct str in; /* p->text */
    size_t at;
    size_t literal; /* where p->literals has what is not yet a part */
    struct err *e;
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static size_t literal_len(const struct parser *ps)
{
    return ps->p->literals_len - ps->literal;
}

static void add_octet(struct parser *ps, unsigned char octet)
{
    static const char digits[] = "0123456789ABCDEF";
    char *to = ps->p->literals + ps->p->literals_len;
    to[0] = '%';
    to[1] = digits[octet >> 4];
    to[2] = digits[octet & 15];
    ps->p->literals_len += OCTET_SIZE;
}

static void add_byte(struct parser *ps, char c)
{
    ps->p->literals[ps->p->literals_len++] = c;
}

static enum err_code read_escape(struct parser *ps)
{
    bool whole = ps->at + 2 < ps->in.len && octets_is(ps->in.p[ps->at + 1], OCTETS_HEX) &&
                 octets_is(ps->in.p[ps->at + 2], OCTETS_HEX);
    if (!whole)
        return err_set(ps->e, ERR_INVALID, "the percent encoding at offset %zu is broken", ps->at);
    unsigned char octet = (unsigned char)(octets_hex[(unsigned char)ps->in.p[ps->at + 1]] * 16 +
                                          octets_hex[(unsigned char)ps->in.p[ps->at + 2]]);
    if (octet == '\0' || octet == '\\')
        return err_set(ps->e, ERR_INVALID, "%%%02X at offset %zu never occurs in a path", octet,
                       ps->at);
    if (octets_is((char)octet, OCTETS_UNRESERVED))
        add_byte(ps, (char)octet);
    else
        add_octet(ps, octet);
    ps->at += OCTET_SIZE;
    return ERR_OK;
}

static enum err_code read_literal(struct parser *ps)
{
    char c = ps->in.p[ps->at];
    if (c == '%')
        return read_escape(ps);
    if (c == '}')
        return err_set(ps->e, ERR_INVALID, "the \"}\" at offset %zu has no \"{\"", ps->at);
    if (is_one_of(c, "?#\\"))
        return err_set(ps->e, ERR_INVALID, "\"%c\" at offset %zu never occurs in a path", c,
                       ps->at);
    if ((unsigned char)c < 0x20 || c == 0x7f)
        return err_set(ps->e, ERR_INVALID, "there is a control character at offset %zu", ps->at);
    if (octets_is(c, OCTETS_PATH))
        add_byte(ps, c);
    else
        add_octet(ps, (unsigned char)c);
    ps->at++;
    return ERR_OK;
}

static void flush_literal(struct parser *ps)
{
    struct pattern *p = ps->p;
    size_t len = literal_len(ps);
    if (len == 0)
        return;
    struct str text = {p->literals + ps->literal, len};
    ps->literal = p->literals_len;
    vec_push(p, ((struct pattern_part){.kind = PATTERN_LITERAL, .text = text}));
}

static bool name_taken(const struct pattern *p, struct str name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].kind != PATTERN_LITERAL && str_eq(p->v[i].name, name))
            return true;
    }
    return false;
}

/* Adds a capture that begins at offset start. */
static enum err_code add_capture(struct parser *ps, size_t start, struct pattern_part part)
{
    struct pattern *p = ps->p;
    bool beside = literal_len(ps) == 0 && p->n > 0 && part.kind != PATTERN_SUBTREE;
    if (beside) {
        return err_set(
            ps->e, ERR_INVALID,
            "the parameter at offset %zu needs a literal byte between it and the one before",
            start);
    }
    if (part.name.len > 0 && name_taken(p, part.name))
        return err_set(ps->e, ERR_INVALID, "the parameter name \"%.*s\" is used twice",
                       STR_ARG(part.name));
    if (p->captures == PATTERN_CAPTURES_MAX)
        return err_set(ps->e, ERR_INVALID, "there are more than %d parameters",
                       PATTERN_CAPTURES_MAX);
    if (part.kind == PATTERN_REGEX) {
        enum err_code code = rex_create(part.text, REX_WHOLE, &part.rex, ps->e);
        if (code != ERR_OK) {
            err_context(ps->e, "the parameter at offset %zu", start);
            return code;
        }
    }
    flush_literal(ps);
    p->captures++;
    vec_push(p, part);
    return ERR_OK;
}

/* Index of the "}" that closes the "{" at start, or in.len. A backslash hides the next byte. */
static size_t closing_brace(struct str in, size_t start)
{
    size_t depth = 0;
    for (size_t i = start; i < in.len; i++) {
        if (in.p[i] == '\\')
            i++;
        else if (in.p[i] == '{')
            depth++;
        else if (in.p[i] == '}' && --depth == 0)
            return i;
    }
    return in.len;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.p[i]) && !is_one_of(s.p[i], "_-."))
            return false;
    }
    return true;
}

static enum err_code read_braces(struct parser *ps)
{
    size_t start = ps->at;
    size_t end = closing_brace(ps->in, start);
    if (end == ps->in.len)
        return err_set(ps->e, ERR_INVALID, "the \"{\" at offset %zu is not closed", start);
    struct str inside = str_slice(ps->in, start + 1, end);
    size_t colon = str_index(inside, ':', 0);
    struct str name = str_slice(inside, 0, colon);
    if (!is_name(name)) {
        return err_set(
            ps->e, ERR_INVALID,
            "the parameter name at offset %zu may have letters, digits, \"_\", \"-\" and "
            "\".\" only",
            start + 1);
    }
    struct pattern_part part = {.kind = PATTERN_PARAM, .name = name};
    if (colon < inside.len) {
        part.kind = PATTERN_REGEX;
        part.text = str_skip(inside, colon + 1);
    }
    ps->at = end + 1;
    return add_capture(ps, start, part);
}

/* ":name" at the beginning of a segment, as DGate 2 writes it. */
static enum err_code read_colon(struct parser *ps)
{
    size_t start = ps->at;
    size_t end = start + 1;
    while (end < ps->in.len && (is_alnum(ps->in.p[end]) || ps->in.p[end] == '_'))
        end++;
    if (end == start + 1)
        return err_set(ps->e, ERR_INVALID, "the \":\" at offset %zu has no parameter name", start);
    ps->at = end;
    struct str name = str_slice(ps->in, start + 1, end);
    return add_capture(ps, start, (struct pattern_part){.kind = PATTERN_PARAM, .name = name});
}

/* Whether what was read so far ends with a "/". */
static bool at_segment(const struct parser *ps)
{
    return literal_len(ps) > 0 && ps->p->literals[ps->p->literals_len - 1] == '/';
}

static enum err_code read_star(struct parser *ps)
{
    size_t start = ps->at;
    bool two = start + 1 < ps->in.len && ps->in.p[start + 1] == '*';
    ps->at += two ? 2 : 1;
    if (ps->at < ps->in.len) {
        if (two)
            return err_set(ps->e, ERR_INVALID, "nothing may follow the \"**\" at offset %zu",
                           start);
        return add_capture(ps, start, (struct pattern_part){.kind = PATTERN_PARAM});
    }
    struct pattern_part part = {.kind = PATTERN_REST, .name = STR("*")};
    bool root = literal_len(ps) == 1 && ps->p->n == 0;
    if (two && at_segment(ps) && !root) {
        part.kind = PATTERN_SUBTREE;
        ps->p->literals_len--;
    }
    return add_capture(ps, start, part);
}

static enum err_code read_part(struct parser *ps)
{
    switch (ps->in.p[ps->at]) {
    case '{':
        return read_braces(ps);
    case '*':
        return read_star(ps);
    case ':':
        return at_segment(ps) ? read_colon(ps) : read_literal(ps);
    default:
        return read_literal(ps);
    }
}

static bool is_dot_segment(struct str s)
{
    return str_eq(s, STR(".")) || str_eq(s, STR(".."));
}

/* Normalised paths have no "." and ".." segments. A segment that a capture shares is none. */
static enum err_code check_segments(const struct pattern *p, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].kind != PATTERN_LITERAL)
            continue;
        struct str text = p->v[i].text;
        bool whole_end = i + 1 == p->n || p->v[i + 1].kind == PATTERN_SUBTREE;
        size_t slash = str_index(text, '/', 0);
        while (slash < text.len) {
            size_t next = str_index(text, '/', slash + 1);
            struct str segment = str_slice(text, slash + 1, next);
            if (is_dot_segment(segment) && (next < text.len || whole_end))
                return err_set(e, ERR_INVALID, "a segment \"%.*s\" never occurs in a path",
                               STR_ARG(segment));
            slash = next;
        }
    }
    return ERR_OK;
}

static void write_canonical(struct pattern *p)
{
    buf_init(&p->canonical, CANONICAL_MAX);
    bool ok = true;
    for (size_t i = 0; i < p->n && ok; i++) {
        const struct pattern_part *part = &p->v[i];
        switch (part->kind) {
        case PATTERN_LITERAL:
            ok = buf_add(&p->canonical, part->text);
            break;
        case PATTERN_REGEX:
            ok = buf_addf(&p->canonical, "{:%.*s}", STR_ARG(part->text));
            break;
        case PATTERN_PARAM:
            ok = buf_add(&p->canonical, STR("{}"));
            break;
        case PATTERN_REST:
            ok = buf_add(&p->canonical, STR("*"));
            break;
        case PATTERN_SUBTREE:
            ok = buf_add(&p->canonical, STR("/**"));
            break;
        }
    }
    assert(ok);
}

enum err_code pattern_create(struct str text, struct pattern **ret, struct err *e)
{
    if (text.len == 0 || text.p[0] != '/')
        return err_set(e, ERR_INVALID, "a path must begin with \"/\"");
    if (text.len > PATTERN_TEXT_MAX)
        return err_set(e, ERR_INVALID, "a path may have at most %d bytes", PATTERN_TEXT_MAX);

    struct pattern *p = mem_alloc(sizeof(*p));
    p->refs = 1;
    p->text = mem_dup(text.p, text.len);
    p->text_len = text.len;
    p->literals = mem_calloc(text.len, OCTET_SIZE);
    struct parser ps = {.p = p, .in = {p->text, text.len}, .e = e};
    enum err_code code = ERR_OK;
    while (code == ERR_OK && ps.at < ps.in.len)
        code = read_part(&ps);
    flush_literal(&ps);
    if (code == ERR_OK)
        code = check_segments(p, e);
    if (code != ERR_OK) {
        pattern_unref(p);
        return code;
    }
    write_canonical(p);
    *ret = p;
    return ERR_OK;
}

struct pattern *pattern_ref(struct pattern *p)
{
    assert(p->refs > 0);
    p->refs++;
    return p;
}

void pattern_unref(struct pattern *p)
{
    if (p == NULL)
        return;
    assert(p->refs > 0);
    if (--p->refs > 0)
        return;
    for (size_t i = 0; i < p->n; i++)
        rex_unref(p->v[i].rex);
    vec_finish(p);
    buf_finish(&p->canonical);
    free(p->literals);
    free(p->text);
    free(p);
}

struct str pattern_canonical(const struct pattern *p)
{
    return buf_str(&p->canonical);
}

struct str pattern_text(const struct pattern *p)
{
    return (struct str){p->text, p->text_len};
}

struct str pattern_strip(const struct pattern *p, struct str path, struct str wildcard)
{
    enum pattern_kind last = p->v[p->n - 1].kind;
    if ((last != PATTERN_REST && last != PATTERN_SUBTREE) || wildcard.len > path.len)
        return str_skip(path, path.len);
    size_t cut = path.len - wildcard.len;
    /* What is left begins with the "/" before the wildcard, or before the segment that it shares. */
    bool inside = wildcard.len > 0 && wildcard.p[0] != '/';
    if (inside || (cut > 0 && path.p[cut - 1] == '/')) {
        while (cut > 0 && path.p[cut - 1] != '/')
            cut--;
        if (cut > 0)
            cut--;
    }
    return str_skip(path, cut);
}

const struct pattern_part *pattern_parts(const struct pattern *p, size_t *count)
{
    *count = p->n;
    return p->v;
}
