#include "model/nearest.h"

#include <string.h>

enum { WORD_MAX = 48 };

void nearest_init(struct nearest *n, struct str wanted)
{
    *n = (struct nearest){.wanted = wanted, .distance = SIZE_MAX};
}

/* Copies text without underscores and in lower case; returns the length. */
static size_t fold(struct str text, char out[WORD_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < text.len && n < WORD_MAX; i++) {
        char c = text.p[i];
        if (c == '_')
            continue;
        out[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return n;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* The number of letters to insert, to drop, to replace, or to swap with their neighbour that make b of a
 * (Damerau's distance, optimal string alignment), with three rows of its table. */
static size_t distance(struct str a, struct str b)
{
    size_t rows[3][WORD_MAX + 1] = {0};
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        const size_t *above = rows[(i - 1) % 3];
        size_t *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = above[j - 1] + (a.p[i - 1] == b.p[j - 1] ? 0 : 1);
            row[j] = least(above[j] + 1, row[j - 1] + 1, replaced);
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped)
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1, row[j]);
        }
    }
    return rows[a.len % 3][b.len];
}

void nearest_offer(struct nearest *n, const char *word)
{
    if (n->wanted.len >= WORD_MAX || strlen(word) >= WORD_MAX)
        return;
    char a[WORD_MAX];
    char b[WORD_MAX];
    size_t a_len = fold(n->wanted, a);
    size_t b_len = fold(str_of(word), b);
    size_t limit = b_len < 6 ? 1 : b_len / 3;
    size_t d = distance((struct str){a, a_len}, (struct str){b, b_len});
    if (d > limit || d >= n->distance)
        return;
    n->best = word;
    n->distance = d;
}
