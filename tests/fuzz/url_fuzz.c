/* URLs and paths. What must hold: a normal path is normal (no dot segments, no control characters,
 * only what may stand in a path), normalising it again changes nothing, and encoding can be undone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/octets.h"
#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 20 };

static void assert_normal(struct str path, bool merged)
{
    assert(path.len > 0 && path.p[0] == '/');
    for (size_t i = 0; i < path.len; i++) {
        char c = path.p[i];
        if (c != '%') {
            assert(octets_is(c, OCTETS_PATH));
            continue;
        }
        assert(path.len - i > 2);
        assert(strchr("0123456789ABCDEF", path.p[i + 1]) != NULL);
        assert(strchr("0123456789ABCDEF", path.p[i + 2]) != NULL);
    }
    assert(!merged || !str_contains(path, STR("//")));
    assert(!str_contains(path, STR("/./")) && !str_contains(path, STR("/../")));
    assert(!str_ends(path, STR("/.")) && !str_ends(path, STR("/..")));
    assert(!str_contains(path, STR("%00")) && !str_contains(path, STR("%5C")));
    assert(!str_contains(path, STR("%2E")));
}

static void check_path(struct str raw, bool merge)
{
    struct arena a;
    struct str once;
    struct str twice;
    arena_init(&a, ARENA_MAX);
    enum url_path_error error = url_path_normalise(raw, merge, &a, &once);
    if (error == URL_PATH_OK) {
        assert_normal(once, merge);
        size_t used = a.used;
        assert(url_path_normalise(once, merge, &a, &twice) == URL_PATH_OK);
        assert(twice.p == once.p && twice.len == once.len && a.used == used);
    }
    arena_finish(&a);
}

static void check_encoding(struct str s)
{
    struct buf encoded;
    struct buf decoded;
    buf_init(&encoded, s.len * 3);
    buf_init(&decoded, s.len * 3);
    assert(url_encode(&encoded, s));
    assert(url_decode(&decoded, buf_str(&encoded), true));
    assert(str_eq(buf_str(&decoded), s));
    buf_clear(&decoded);
    assert(url_decode(&decoded, s, false));
    assert(decoded.len <= s.len);
    buf_finish(&encoded);
    buf_finish(&decoded);
}

static void check_url(struct str text)
{
    struct url u;
    struct err e = {0};
    if (url_parse(text, &u, &e) != ERR_OK) {
        assert(e.code == ERR_INVALID && e.msg[0] != '\0');
        return;
    }
    assert(u.scheme.len > 0 && u.host.len > 0);
    assert(u.path.len == 0 || u.path.p[0] == '/');
    assert(!u.has_port || u.port > 0);
    assert(!str_contains(u.host, STR("@")) && !str_contains(u.host, STR("/")));
    assert(u.host_is_ipv6 || !str_contains(u.host, STR(":")));
    assert(str_index(u.path, '?', 0) == u.path.len && str_index(u.query, '#', 0) == u.query.len);
    check_path(u.path, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy without the NUL that fuzzers may put behind, so that overruns are seen. */
    char *copy = malloc(size + (size == 0 ? 1 : 0));
    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    struct str s = {copy, size};
    check_path(s, false);
    check_path(s, true);
    check_encoding(s);
    check_url(s);

    struct str host;
    uint16_t port;
    if (url_split_authority(s, &host, &port))
        assert(host.len > 0 && host.len <= s.len);
    free(copy);
    return 0;
}
