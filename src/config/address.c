#include "config/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"

enum { TEXT_MAX = 64 };

static struct str without_brackets(struct str text)
{
    if (str_starts(text, STR("[")) && str_ends(text, STR("]")))
        return str_slice(text, 1, text.len - 1);
    return text;
}

/* The address family of text and its bytes, or 0. */
static int parse_ip(struct str text, unsigned char bytes[16])
{
    char copy[TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof(copy))
        return 0;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    if (strlen(copy) != text.len)
        return 0;
    if (inet_pton(AF_INET, copy, bytes) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, copy, bytes) == 1 ? AF_INET6 : 0;
}

enum err_code address_check_host(struct str text, struct err *e)
{
    unsigned char bytes[16];
    if (text.len == 0 || str_eq_nocase(text, STR("localhost")))
        return ERR_OK;
    struct str inner = without_brackets(text);
    int family = parse_ip(inner, bytes);
    if (family == AF_INET6 || (family == AF_INET && inner.len == text.len))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "must be an IP address or localhost");
}

enum err_code address_check_block(struct str text, struct err *e)
{
    unsigned char bytes[16];
    size_t slash = str_index(text, '/', 0);
    int family = parse_ip(str_slice(text, 0, slash), bytes);
    if (family == 0)
        return err_set(e, ERR_INVALID, "must be an IP address or a block such as 10.0.0.0/8");
    uint64_t bits = 0;
    if (slash < text.len &&
        !str_to_u64(str_skip(text, slash + 1), family == AF_INET ? 32 : 128, &bits))
        return err_set(e, ERR_INVALID, "the prefix length must be 0 to %d",
                       family == AF_INET ? 32 : 128);
    return ERR_OK;
}

bool address_is_loopback(struct str host)
{
    static const unsigned char six[16] = {[15] = 1};
    static const unsigned char mapped[13] = {[10] = 0xff, 0xff, 127};
    unsigned char bytes[16];
    if (str_eq_nocase(host, STR("localhost")))
        return true;
    int family = parse_ip(without_brackets(host), bytes);
    if (family == AF_INET)
        return bytes[0] == 127;
    return family == AF_INET6 &&
           (memcmp(bytes, six, sizeof(six)) == 0 || memcmp(bytes, mapped, sizeof(mapped)) == 0);
}

char *address_host(struct str text)
{
    if (str_eq_nocase(text, STR("localhost")))
        return mem_strdup("127.0.0.1");
    struct str inner = without_brackets(text);
    return mem_dup(inner.p, inner.len);
}
