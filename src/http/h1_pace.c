#include "http/h1_pace.h"

enum { THOUSAND = 1000 };

void h1_pace_begin(struct h1_pace *p, uint64_t rate, uint64_t slack_ms)
{
    *p = (struct h1_pace){.rate = rate, .full = rate * slack_ms, .left = rate * slack_ms};
}

void h1_pace_received(struct h1_pace *p, uint64_t n)
{
    const uint64_t gain = n * THOUSAND;
    if (p->rate > 0)
        p->left = gain < p->full - p->left ? p->left + gain : p->full;
}

static void settle(struct h1_pace *p, uint64_t now_ms)
{
    const uint64_t used = p->watching ? (now_ms - p->since_ms) * p->rate : 0;
    p->left -= used < p->left ? used : p->left;
    p->since_ms = now_ms;
}

bool h1_pace_watch(struct h1_pace *p, bool watch, uint64_t now_ms)
{
    if (p->rate == 0 || p->watching == watch)
        return false;
    settle(p, now_ms);
    p->watching = watch;
    return true;
}

uint64_t h1_pace_left_ms(struct h1_pace *p, uint64_t now_ms)
{
    if (p->rate == 0 || !p->watching)
        return UINT64_MAX;
    settle(p, now_ms);
    return p->left / p->rate;
}
