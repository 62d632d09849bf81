/* Headers of the PROXY protocol. What must hold: reading never looks past what is there, what is read whole is read the
 * same when it comes byte by byte, and no prefix of it is refused or is whole.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum proxy_protocol_result read_copy(const uint8_t *data, size_t size,
                                            struct proxy_protocol *p, size_t *used)
{
    /* A copy of its own, so that overruns are seen. */
    char *copy = malloc(size + (size == 0 ? 1 : 0));
    const char *error = NULL;
    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    const enum proxy_protocol_result result =
        proxy_protocol_read((struct str){copy, size}, p, used, &error);
    assert((result == PROXY_PROTOCOL_ERROR) == (error != NULL));
    free(copy);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_protocol p;
    struct proxy_protocol again;
    size_t used = 0;
    size_t used_again = 0;
    const enum proxy_protocol_result result = read_copy(data, size, &p, &used);
    if (result == PROXY_PROTOCOL_MORE) {
        assert(size < PROXY_PROTOCOL_MAX);
        return 0;
    }
    if (result == PROXY_PROTOCOL_ERROR)
        return 0;
    assert(used > 0 && used <= size && used <= PROXY_PROTOCOL_MAX);
    assert(read_copy(data, used, &again, &used_again) == PROXY_PROTOCOL_DONE);
    assert(used == used_again && memcmp(&p.source, &again.source, sizeof(p.source)) == 0);
    assert(p.has_source == again.has_source && p.port == again.port);
    for (size_t n = 0; n < used; n++)
        assert(read_copy(data, n, &again, &used_again) == PROXY_PROTOCOL_MORE);
    return 0;
}
