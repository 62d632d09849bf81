#include "change/entry_value.h"

#include "model/model.h"
#include "store/store.h"

static const struct str HEAD = {"entry\0", 6};

enum { JSON_AT = STORE_U64_SIZE + STORE_U64_SIZE };

bool entry_value_key(struct buf *out, struct str ns, struct str key)
{
    return buf_add(out, HEAD) && buf_add(out, ns) && buf_add(out, STR("\0")) && buf_add(out, key);
}

struct str entry_value_key_ns(struct str whole)
{
    return str_slice(whole, HEAD.len, str_index(whole, '\0', HEAD.len));
}

struct str entry_value_key_name(struct str whole)
{
    return str_skip(whole, str_index(whole, '\0', HEAD.len) + 1);
}

bool entry_value_key_check(struct str text, struct err *e)
{
    if (model_name_valid(text, ENTRY_VALUE_KEY_MAX))
        return true;
    (void)err_set(e, ERR_INVALID,
                  "a storage key has 1 to %d bytes of UTF-8 without control characters",
                  ENTRY_VALUE_KEY_MAX);
    return false;
}

uint64_t entry_value_expires(struct str value)
{
    return value.len < JSON_AT ? 0 : store_u64_of(str_skip(value, STORE_U64_SIZE));
}

struct str entry_value_json(struct str value)
{
    return value.len < JSON_AT ? STR("") : str_skip(value, JSON_AT);
}

bool entry_value_lives(struct str value, uint64_t now_ms)
{
    const uint64_t expires = entry_value_expires(value);
    return value.len > JSON_AT && (expires == 0 || expires > now_ms);
}

bool entry_value_write(struct buf *out, uint64_t expires_ms, struct str json)
{
    char number[STORE_U64_SIZE];
    store_u64_key(expires_ms, number);
    return buf_add(out, (struct str){number, sizeof(number)}) && buf_add(out, json);
}
