#include "codec/metrics_text.h"

#include <inttypes.h>

/* A line feed and a backslash are escaped everywhere, a quotation mark in the value of a label only. */
static bool add_escaped(struct buf *b, struct str text, bool in_label)
{
    bool ok = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '\n')
            ok = ok && buf_add(b, STR("\\n"));
        else if (c == '\\' || (c == '"' && in_label))
            ok = ok && buf_addf(b, "\\%c", c);
        else
            ok = ok && buf_add(b, str_slice(text, i, i + 1));
    }
    return ok;
}

bool metrics_text_family(struct buf *b, const char *name, enum metrics_text_kind kind,
                         const char *help)
{
    static const char *const kinds[] = {
        [METRICS_TEXT_COUNTER] = "counter",
        [METRICS_TEXT_GAUGE] = "gauge",
        [METRICS_TEXT_HISTOGRAM] = "histogram",
    };
    return buf_addf(b, "# HELP %s ", name) && add_escaped(b, str_of(help), false) &&
           buf_addf(b, "\n# TYPE %s %s\n", name, kinds[kind]);
}

bool metrics_text_sample(struct buf *b, const char *name, const struct metrics_text_label *label,
                         uint64_t value)
{
    bool ok = buf_add(b, str_of(name));
    if (label != NULL)
        ok = ok && buf_addf(b, "{%s=\"", label->name) && add_escaped(b, label->value, true) &&
             buf_add(b, STR("\"}"));
    return ok && buf_addf(b, " %" PRIu64 "\n", value);
}

bool metrics_text_decimal(struct buf *b, const char *name, uint64_t thousandths)
{
    return buf_addf(b, "%s %" PRIu64 ".%03" PRIu64 "\n", name, thousandths / 1000,
                    thousandths % 1000);
}

bool metrics_text_histogram(struct buf *b, const char *name, const struct metrics_text_histogram *h)
{
    uint64_t count = 0;
    bool ok = true;
    for (size_t i = 0; i < h->bound_count; i++) {
        count += h->counts[i];
        ok = ok &&
             buf_addf(b, "%s_bucket{le=\"%" PRIu32 "\"} %" PRIu64 "\n", name, h->bounds[i], count);
    }
    count += h->counts[h->bound_count];
    return ok && buf_addf(b, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count) &&
           buf_addf(b, "%s_sum %" PRIu64 "\n%s_count %" PRIu64 "\n", name, h->sum, name, count);
}
