#include "runtime/tap.h"

#include <stdio.h>

static void print_name(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '\\' || *p == '#')
            (void)putchar('\\');
        (void)putchar(*p == '\n' ? ' ' : *p);
    }
}

static void print_quoted(const char *text)
{
    (void)putchar('"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\' || *p == '"')
            (void)putchar('\\');
        (void)putchar(*p);
    }
    (void)putchar('"');
}

void tap_failure(unsigned number, const char *name, const char *message, const char *at,
                 uint64_t ms)
{
    (void)printf("not ok %u - ", number);
    print_name(name);
    (void)printf("\n  ---\n  message: |-\n    ");
    for (const char *p = message; *p != '\0'; p++) {
        (void)putchar(*p);
        if (*p == '\n')
            (void)printf("    ");
    }
    (void)printf("\n  at: ");
    print_quoted(at);
    (void)printf("\n  stack:\n    - ");
    print_quoted(at);
    (void)printf("\n  duration_ms: %llu\n  ...\n", (unsigned long long)ms);
}
