#include "io/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "base/container.h"
#include "base/mem.h"
#include "io/loop.h"

struct signals {
    uv_signal_t uv;
    signals_fn fn;
    void *user;
};

static void on_signal(uv_signal_t *uv, int signum)
{
    struct signals *s = uv->data;
    if (s->fn != NULL)
        s->fn(s->user, signum);
}

struct signals *signals_watch(struct loop *l, int signum, signals_fn fn, void *user)
{
    struct signals *s = mem_alloc(sizeof(*s));
    s->fn = fn;
    s->user = user;
    s->uv.data = s;
    if (uv_signal_init(loop_uv(l), &s->uv) != 0 || uv_signal_start(&s->uv, on_signal, signum) != 0)
        abort();
    uv_unref((uv_handle_t *)&s->uv);
    return s;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void signals_stop(struct signals *s)
{
    if (s == NULL)
        return;
    s->fn = NULL;
    uv_close((uv_handle_t *)&s->uv, on_closed);
}

void signals_ignore_operator(void)
{
    static const int ignored[] = {SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
}
