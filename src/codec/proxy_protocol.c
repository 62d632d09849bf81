#include "codec/proxy_protocol.h"

#include <arpa/inet.h>
#include <string.h>

enum { V1_MAX = 107, V2_FIXED = 16, V2_VERSION = 2 };
enum command { COMMAND_LOCAL, COMMAND_PROXY };
enum family { FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21 };

static const struct str v1_start = {"PROXY ", 6};
static const struct str v2_start = {"\r\n\r\n\0\r\nQUIT\n", 12};

static enum proxy_protocol_result fail(const char **error, const char *why)
{
    *error = why;
    return PROXY_PROTOCOL_ERROR;
}

/* Whether the bytes that are there are those of start. */
static bool may_start(struct str in, struct str start)
{
    const size_t n = in.len < start.len ? in.len : start.len;
    return str_eq(str_slice(in, 0, n), str_slice(start, 0, n));
}

/* Version 1: one line of words with one space between them. */

static struct str next_word(struct str *rest)
{
    const size_t space = str_index(*rest, ' ', 0);
    const struct str word = str_slice(*rest, 0, space);
    *rest = str_skip(*rest, space < rest->len ? space + 1 : space);
    return word;
}

static bool read_port(struct str word, uint16_t *ret)
{
    uint64_t port = 0;
    if ((word.len > 1 && word.p[0] == '0') || !str_to_u64(word, UINT16_MAX, &port))
        return false;
    *ret = (uint16_t)port;
    return true;
}

static bool read_address(struct str word, int family, struct ip_address *ret)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    if (word.len == 0 || word.len >= sizeof(text) || memchr(word.p, '\0', word.len) != NULL)
        return false;
    memcpy(text, word.p, word.len);
    text[word.len] = '\0';
    return inet_pton(family, text, bytes) == 1 && ip_address_parse(word, ret);
}

static enum proxy_protocol_result read_line(struct str line, struct proxy_protocol *ret,
                                            const char **error)
{
    struct str rest = str_skip(line, v1_start.len);
    const struct str protocol = next_word(&rest);
    if (str_eq(protocol, STR("UNKNOWN")))
        return PROXY_PROTOCOL_DONE;
    const bool v4 = str_eq(protocol, STR("TCP4"));
    if (!v4 && !str_eq(protocol, STR("TCP6")))
        return fail(error, "version 1: neither TCP4, TCP6 nor UNKNOWN");
    const int family = v4 ? AF_INET : AF_INET6;
    struct ip_address destination;
    uint16_t port = 0;
    if (!read_address(next_word(&rest), family, &ret->source) ||
        !read_address(next_word(&rest), family, &destination))
        return fail(error, "version 1: an address is not valid");
    if (!read_port(next_word(&rest), &ret->port) || !read_port(rest, &port))
        return fail(error, "version 1: a port is not valid");
    ret->has_source = true;
    return PROXY_PROTOCOL_DONE;
}

static enum proxy_protocol_result read_v1(struct str in, struct proxy_protocol *ret, size_t *used,
                                          const char **error)
{
    const struct str within = str_slice(in, 0, in.len < V1_MAX ? in.len : V1_MAX);
    const size_t cr = str_index(within, '\r', 0);
    if (str_index(within, '\n', 0) < cr)
        return fail(error, "version 1: a line must end with CR LF");
    if (cr + 1 >= within.len) {
        if (within.len == V1_MAX)
            return fail(error, "version 1: the line is too long");
        return PROXY_PROTOCOL_MORE;
    }
    if (within.p[cr + 1] != '\n')
        return fail(error, "version 1: a line must end with CR LF");
    *used = cr + 2;
    return read_line(str_slice(in, 0, cr), ret, error);
}

/* Version 2: signature, version and command, family, length, addresses, records. */

static uint16_t read_u16(const unsigned char *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static enum proxy_protocol_result read_block(const unsigned char *block, size_t len,
                                             unsigned family, struct proxy_protocol *ret,
                                             const char **error)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (family == FAMILY_UNSPEC)
        return PROXY_PROTOCOL_DONE;
    if (family != FAMILY_TCP4 && family != FAMILY_TCP6)
        return fail(error, "version 2: neither TCP over IPv4 nor over IPv6");
    const size_t size = family == FAMILY_TCP4 ? 4 : sizeof(ret->source.bytes);
    if (len < 2 * (size + sizeof(ret->port)))
        return fail(error, "version 2: the addresses are cut short");
    memcpy(ret->source.bytes, mapped, sizeof(mapped));
    memcpy(ret->source.bytes + sizeof(ret->source.bytes) - size, block, size);
    ret->port = read_u16(block + 2 * size);
    ret->has_source = true;
    return PROXY_PROTOCOL_DONE;
}

static enum proxy_protocol_result read_v2(struct str in, struct proxy_protocol *ret, size_t *used,
                                          const char **error)
{
    if (in.len < V2_FIXED)
        return PROXY_PROTOCOL_MORE;
    const unsigned char *bytes = (const unsigned char *)in.p;
    const unsigned version = bytes[12] >> 4;
    const unsigned command = bytes[12] & 0xfu;
    const size_t len = read_u16(bytes + 14);
    if (version != V2_VERSION || command > COMMAND_PROXY)
        return fail(error, "version 2: unknown version or command");
    if (V2_FIXED + len > PROXY_PROTOCOL_MAX)
        return fail(error, "version 2: the header is too long");
    if (in.len < V2_FIXED + len)
        return PROXY_PROTOCOL_MORE;
    *used = V2_FIXED + len;
    if (command == COMMAND_LOCAL)
        return PROXY_PROTOCOL_DONE;
    return read_block(bytes + V2_FIXED, len, bytes[13], ret, error);
}

enum proxy_protocol_result proxy_protocol_read(struct str in, struct proxy_protocol *ret,
                                               size_t *used, const char **error)
{
    *ret = (struct proxy_protocol){0};
    *used = 0;
    if (may_start(in, v1_start))
        return in.len < v1_start.len ? PROXY_PROTOCOL_MORE : read_v1(in, ret, used, error);
    if (may_start(in, v2_start))
        return read_v2(in, ret, used, error);
    return fail(error, "the connection does not begin with a PROXY header");
}
