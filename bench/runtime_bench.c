/* What a JavaScript context costs to make, and what calls of the module API cost. Not part of any build; after
 * "make release":
 *
 *     gcc -std=gnu17 -D_GNU_SOURCE -O2 -Isrc -Itests/unit bench/runtime_bench.c -o build/runtime_bench \
 *         -Wl,--start-group build/libdgate_*.a -Wl,--end-group $(pkg-config --cflags --libs javascriptcoregtk-4.1 \
 *         libuv libcares libcurl openssl jansson yaml-0.1 libpcre2-8 lmdb zlib libbrotlidec cmocka) -lm && build/runtime_bench [NAME]
 *
 * Times are CPU times of the process, its compiling and collecting threads included.
 */
#include <time.h>

#include "script/memory.h"
#include "script/realm.h"
#include "script/script_fixture.h"
#include "script/script_vm.h"

enum { REALMS = 16, ROUNDS = 20000, REPEATS = 9 };

/* An expression that each of ROUNDS calls evaluates; i counts them, setup is evaluated once. */
struct expression {
    const char *name;
    const char *setup;
    const char *text;
};

#define TOKEN                                                                                      \
    "const head = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9', claims = "                               \
    "'eyJzdWIiOiJiZW5jaCIsImV4cCI6NDEwMjQ0NDgwMH0'; const signature = c.hmac('sha256', 'a "        \
    "secret', head + '.' + claims, 'base64rawurl'); const token = head + '.' + claims + '.' + "    \
    "signature;"

static const struct expression EXPRESSIONS[] = {
    {"nothing", "", "i"},
    {"performance.now()", "", "performance.now()"},
    {"string and replace", "", "('abcd' + i).replace(/-/g, '+')"},
    {"createHmac().update().digest('base64rawurl')", "",
     "c.createHmac('sha256', 'a secret').update('some text ' + i).digest('base64rawurl')"},
    {"hmac(..., 'base64rawurl')", "",
     "c.hmac('sha256', 'a secret', 'some text ' + i, 'base64rawurl')"},
    {"hmac(...) as bytes", "", "c.hmac('sha256', 'a secret', 'some text ' + i)"},
    {"sha256(..., 'hex')", "", "c.sha256('some text ' + i, 'hex')"},
    {"atob() of 44 characters", TOKEN, "atob(claims)"},
    {"JSON.parse(atob())", TOKEN, "JSON.parse(atob(claims)).exp"},
    {"the token of bench/configs/modules/jwt.ts",
     TOKEN "const decode = (text: string) => JSON.parse(atob(text.replace(/-/g, '+').replace(/_/g, "
           "'/')));",
     "((h, p, s) => { if (s !== c.createHmac('sha256', 'a "
     "secret').update(`${h}.${p}`).digest('base64rawurl') || decode(h).alg !== 'HS256' || "
     "decode(p).exp < Date.now() / 1000) throw new Error('no'); })(...(('Bearer ' + "
     "token).slice(7).split('.') as [string, string, string]))"},
    {"verifyJwt(), HS256", TOKEN,
     "c.verifyJwt(('Bearer ' + token).slice(7), 'a secret', { algorithms: ['HS256'] }).payload"},
    {"new URL().searchParams.get()", "",
     "new URL('http://a.example/b?c=' + i).searchParams.get('c')"},
    {"crypto.getRandomValues(16 bytes)", "const b = new Uint8Array(16);",
     "crypto.getRandomValues(b)"},
    {"crypto.randomUUID()", "", "crypto.randomUUID()"},
    {"Buffer.from(text).toString('base64')", "", "Buffer.from('some text').toString('base64')"},
    {"new TextEncoder().encode()", "", "new TextEncoder().encode('some text')"},
    {"new TextDecoder().decode()", "const b = new TextEncoder().encode('some text');",
     "new TextDecoder().decode(b)"},
    {"new AbortController()", "", "new AbortController().signal"},
    {"structuredClone({...})", "", "structuredClone({ a: 1, b: [1, 2, 3] })"},
};

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return ((double)t.tv_sec * 1e6) + ((double)t.tv_nsec / 1e3);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void contexts(struct fixture *f)
{
    double took[REALMS];
    const size_t before = memory_resident();
    for (int i = 0; i < REALMS; i++) {
        char name[16];
        struct err e = {0};
        (void)snprintf(name, sizeof(name), "ns%d", i);
        const double began = cpu_us();
        assert_non_null(realm_get(engine_current(f->vm), str_of(name), &e));
        took[i] = cpu_us() - began;
    }
    const double first = took[0];
    qsort(took, REALMS, sizeof(took[0]), by_value);
    printf("%-48s %10.0f us\n", "the first context", first);
    printf("%-48s %10.0f us\n", "another context (median)", took[REALMS / 2]);
    printf("%-48s %10.0f KiB\n", "resident memory per context",
           (double)(memory_resident() - before) / 1024 / REALMS);
}

static void calls(struct fixture *f, const struct expression *e)
{
    char source[4096];
    (void)snprintf(
        source, sizeof(source),
        "import * as c from 'dgate/crypto';\ndeclare const Buffer: any, crypto: any;\n%s\n"
        "let kept: unknown;\nexport function requestHandler(ctx: any) {\n"
        "  try { for (let i = 0; i < %d; i++) kept = %s;\n"
        "  ctx.response().send('ok'); } catch (e: any) { ctx.response().send(String(e)); }\n}",
        e->setup, ROUNDS, e->text);
    fixture_module(f, source);
    double took[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        const double began = cpu_us();
        const char *answer = fixture_handle(f);
        if (strcmp(answer, "ok") != 0) {
            printf("%-48s %s\n", e->name, answer);
            return;
        }
        took[i] = (cpu_us() - began) / ROUNDS;
    }
    qsort(took, REPEATS, sizeof(took[0]), by_value);
    printf("%-48s %10.2f us (%.2f to %.2f)\n", e->name, took[REPEATS / 2], took[0],
           took[REPEATS - 1]);
}

/* The argument, if there is one, is part of the names of the expressions to measure. */
int main(int argc, char **argv)
{
    fixture_start();
    const struct script_limits limits = {.cpu_ms = 60000,
                                         .wall_ms = 60000,
                                         .heap_bytes = (size_t)1 << 30,
                                         .body_max = 1 << 20,
                                         .fetches = 32,
                                         .timers = 64};
    struct fixture *f = fixture_create(&limits);
    script_vm_start(f->vm);
    contexts(f);
    for (size_t i = 0; i < ARRAY_LEN(EXPRESSIONS); i++)
        if (argc < 2 || strstr(EXPRESSIONS[i].name, argv[1]) != NULL)
            calls(f, &EXPRESSIONS[i]);
    fixture_destroy(f);
    return 0;
}
