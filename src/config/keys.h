/* The one table of configuration keys: names, types, defaults, limits, docs. Reading, checking and handing
 * over go through it, and a test holds docs/config.md to it.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "base/err.h"
#include "base/str.h"

enum keys_type {
    KEYS_MAP,       /* holds other keys; with an offset: bool, whether the map is there */
    KEYS_STRING,    /* char * */
    KEYS_STRINGS,   /* struct model_strings */
    KEYS_BOOL,      /* bool */
    KEYS_INT,       /* int64_t */
    KEYS_MS,        /* int64_t in ms; a bare number is ms */
    KEYS_WORD,      /* an enum, one of words */
    KEYS_PAIRS,     /* struct config_pairs from a map of header names to values */
    KEYS_USERS,     /* struct config_users from a list of {username, password} */
    KEYS_RESOURCES, /* proxy.init_resources (config/resources.h) */
    KEYS_IGNORED,   /* a boolean that both values of which mean what is done anyway */
    KEYS_REFUSED,   /* known, but refused with later unless false, 0 or empty */
};

/* The default of console_log_level. */
enum { KEYS_AS_LOG_LEVEL = -1 };

struct keys_word {
    const char *text;
    unsigned value; /* the first text of a value is the one written */
};

struct keys_key {
    const char *path; /* "proxy.port" */
    enum keys_type type;
    size_t offset;            /* in struct config */
    int64_t default_int;      /* BOOL, INT, MS, WORD */
    const char *default_text; /* STRING; NULL: "" */
    int64_t min;              /* INT, MS */
    int64_t max;              /* of a string, and of each in a list: bytes */
    const char *later;
    const struct keys_word *words;                          /* WORD; ends with a NULL text */
    enum err_code (*check)(struct str text, struct err *e); /* of each string; may be NULL */
    const char *doc;
};

/* All keys, a map before what it holds. */
extern const struct keys_key keys_all[];
extern const size_t keys_count;

/* The key with that path, or NULL. */
const struct keys_key *keys_find(struct str path);

/* The part of a path behind its last point. */
const char *keys_last_name(const char *path);

/* The text of a WORD's value. */
const char *keys_word_text(const struct keys_key *k, unsigned value);

#endif
