/* Metrics as text: the exposition format of Prometheus, version 0.0.4. A family is a name with its help and type; its
 * samples follow it. Each returns false, with b unchanged or cut, when b is full.
 */
#ifndef CODEC_METRICS_TEXT_H
#define CODEC_METRICS_TEXT_H

#include "base/buf.h"

/* The Content-Type of such a text. */
#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metrics_text_kind {
    METRICS_TEXT_COUNTER,
    METRICS_TEXT_GAUGE,
    METRICS_TEXT_HISTOGRAM,
};

struct metrics_text_label {
    const char *name;
    struct str value; /* any text */
};

/* The lines before a family's samples. */
bool metrics_text_family(struct buf *b, const char *name, enum metrics_text_kind kind,
                         const char *help) __attribute__((warn_unused_result));

/* One sample; label may be NULL. */
bool metrics_text_sample(struct buf *b, const char *name, const struct metrics_text_label *label,
                         uint64_t value) __attribute__((warn_unused_result));

/* The same with three decimals: thousandths is 1234 for 1.234. */
bool metrics_text_decimal(struct buf *b, const char *name, uint64_t thousandths)
    __attribute__((warn_unused_result));

struct metrics_text_histogram {
    const uint32_t *bounds; /* upper ones, rising */
    size_t bound_count;
    const uint64_t *counts; /* bound_count + 1, each of one class */
    uint64_t sum;
};

/* All samples of a histogram: NAME_bucket, NAME_sum, NAME_count. */
bool metrics_text_histogram(struct buf *b, const char *name, const struct metrics_text_histogram *h)
    __attribute__((warn_unused_result));

#endif
