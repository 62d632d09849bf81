/* How long a search takes with many routes. Not part of any build:
 *
 *     gcc -std=gnu17 -D_GNU_SOURCE -O2 -Isrc bench/router_bench.c src/route/[a-z]*.c src/codec/octets.c \
 *         src/base/[a-z]*.c -lpcre2-8 -o build/router_bench && build/router_bench
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/now.h"
#include "route/pattern.h"
#include "route/router.h"

enum { PATHS = 4096, FINDS = 250000, REPEATS = 7, TEXT_SIZE = 96, SHAPES = 4 };

static const char *const patterns[SHAPES] = {
    "/api/v1/service-%zu/items",
    "/api/v1/service-%zu/items/{id}",
    "/api/v1/service-%zu/users/{id}/posts/{post}",
    "/api/v1/service-%zu/**",
};

static const char *const paths[SHAPES] = {
    "/api/v1/service-%zu/items",
    "/api/v1/service-%zu/items/8f1c",
    "/api/v1/service-%zu/users/17/posts/99",
    "/api/v1/service-%zu/some/file.js",
};

static struct str text_of(const char *format, size_t i)
{
    char text[TEXT_SIZE];
    int len = snprintf(text, sizeof(text), format, i);
    return (struct str){mem_dup(text, (size_t)len), (size_t)len};
}

static void add(struct router *r, struct str text)
{
    struct pattern *p = NULL;
    struct err e = {0};
    if (pattern_create(text, &p, &e) != ERR_OK || !router_add(r, p, STR("GET"), p))
        abort();
    pattern_unref(p);
}

static double best_find(const struct router *r, const struct str *requests)
{
    double best = 0;
    struct router_match m;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t start = now_mono_ns();
        for (size_t i = 0; i < FINDS; i++) {
            if (router_find(r, STR("GET"), requests[i % PATHS], &m) != ROUTER_FOUND)
                abort();
        }
        double ns = (double)(now_mono_ns() - start) / FINDS;
        best = repeat == 0 || ns < best ? ns : best;
    }
    return best;
}

static void measure(size_t routes)
{
    struct router *r = router_create();
    struct str *texts = mem_calloc(routes, sizeof(*texts));
    for (size_t i = 0; i < routes; i++)
        texts[i] = text_of(patterns[i % SHAPES], i);
    uint64_t start = now_mono_ns();
    for (size_t i = 0; i < routes; i++)
        add(r, texts[i]);
    double per_add = (double)(now_mono_ns() - start) / (double)routes;

    struct str *requests = mem_calloc(PATHS, sizeof(*requests));
    srand(1);
    for (size_t i = 0; i < PATHS; i++) {
        size_t route = (size_t)rand() % routes;
        requests[i] = text_of(paths[route % SHAPES], route);
    }
    printf("%6zu routes: %5.0f ns per search, %5.0f ns per route added\n", routes,
           best_find(r, requests), per_add);
    router_destroy(r);
}

int main(void)
{
    measure(10);
    measure(100);
    measure(1000);
    measure(10000);
    return 0;
}
