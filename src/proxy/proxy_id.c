#include "proxy/proxy_id.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "codec/hex.h"
#include "codec/http_head.h"

void proxy_id_init(struct proxy_id *ids)
{
    if (getrandom(ids, sizeof(*ids), 0) != (ssize_t)sizeof(*ids))
        abort();
}

/* splitmix64: a counter that is mixed, so a value comes again only after 2^64 steps. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void proxy_id_make(struct proxy_id *ids, char out[PROXY_ID_SIZE])
{
    const uint64_t random[] = {next(&ids->high), next(&ids->low)};
    static_assert(PROXY_ID_SIZE == 2 * sizeof(random), "two digits for each byte");
    (void)hex_encode(out, (struct str){(const char *)random, sizeof(random)});
}

bool proxy_id_is_sane(struct str id)
{
    return id.len <= PROXY_ID_MAX && http_head_is_token(id);
}
