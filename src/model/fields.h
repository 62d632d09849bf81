/* The one table of fields per kind of resource: names, types, limits, defaults, output rules, docs. Decoding,
 * encoding, validation and every description of a resource (CLI help, OpenAPI) read it.
 */
#ifndef MODEL_FIELDS_H
#define MODEL_FIELDS_H

#include "base/err.h"
#include "base/str.h"
#include "model/model.h"

enum fields_type {
    FIELDS_STRING,   /* char * */
    FIELDS_STRINGS,  /* struct model_strings */
    FIELDS_INTS,     /* struct model_ints */
    FIELDS_BOOL,     /* bool */
    FIELDS_INT,      /* int64_t */
    FIELDS_DURATION, /* int64_t in ns; a bare number is ns under the name, ms under a *_ms alias */
    FIELDS_ENUM,     /* int64_t, one of words */
    FIELDS_JSON,     /* json_t *, any value */
    FIELDS_SOURCE,   /* char *, base64 of UTF-8 text */
    FIELDS_RAW_SOURCE, /* plain text for the FIELDS_SOURCE of the same offset */
    FIELDS_REFUSED,    /* known, but refused with later; nothing is stored */
};

enum fields_output {
    FIELDS_ALWAYS,
    FIELDS_OMIT_EMPTY, /* left out when it is empty, or the default */
    FIELDS_REDACTED,   /* replaced by MODEL_REDACTED unless it goes to the store */
    FIELDS_INTERNAL,   /* to the store and from it only */
    FIELDS_INPUT_ONLY, /* an other way to write a field */
};

/* Bits of flags. */
enum {
    FIELDS_REQUIRED = 1,     /* present and not empty */
    FIELDS_UNIQUE = 2,       /* no element of the list twice */
    FIELDS_UPPER = 4,        /* letters are made upper-case */
    FIELDS_SERVER_SET = 8,   /* input is checked for its type and not used, unless from the store */
    FIELDS_NS = 16,          /* filled with the default namespace */
    FIELDS_CONFIG_ONLY = 32, /* not part of the API */
};

enum {
    FIELDS_LIST_MAX = 256, /* elements of a list */
    FIELDS_COUNT_MAX = 48, /* fields of a kind */
};

struct fields_word {
    const char *text;
    int64_t value; /* the first text of a value is the one written */
};

struct fields_field {
    const char *name;         /* camelCase; "group.name": member of an object */
    const char *alias;        /* snake_case, NULL when it is the same */
    const char *config_alias; /* a third name in configuration files, in any case; or NULL */
    enum fields_type type;
    enum fields_output output;
    unsigned flags;
    size_t offset;       /* in struct model_resource */
    int64_t default_int; /* BOOL, INT, DURATION, ENUM; strings and lists are empty */
    int64_t min;         /* INT, INTS (of each element), DURATION */
    int64_t max; /* INT, INTS, DURATION; bytes of a string, of each element, of a decoded source */
    const char *alone; /* STRINGS: an element that allows no other beside it, or NULL */
    const char *later; /* any value but the empty one is refused with this reason */
    const struct fields_word *words;                        /* ENUM; ends with a NULL text */
    enum err_code (*check)(struct str text, struct err *e); /* of each string; may be NULL */
    const char *doc;
};

struct fields_table {
    const struct fields_field *v;
    size_t n;
};

/* The fields of a kind, in the order in which they are written. */
struct fields_table fields_of(enum model_kind kind);

/* The field that goes by that name in such an input, or NULL. */
const struct fields_field *fields_find(enum model_kind kind, struct str name,
                                       enum model_source source);

/* The text of an ENUM's value. */
const char *fields_word_text(const struct fields_field *f, int64_t value);

#endif
