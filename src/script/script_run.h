/* The insides of a run that the functions of the host share. */
#ifndef SCRIPT_SCRIPT_RUN_H
#define SCRIPT_SCRIPT_RUN_H

#include <JavaScriptCore/JavaScript.h>

#include "base/ilist.h"
#include "io/timeout.h"
#include "script/host_flow.h"
#include "script/script.h"

struct realm;
struct unit;

/* src/script/host_call.c and js/runtime/host.ts have the same numbers. */
enum script_run_settlement { SCRIPT_RUN_REJECT, SCRIPT_RUN_RESOLVE, SCRIPT_RUN_AGAIN };

struct script_run {
    struct script_vm *vm;
    struct script_program *program; /* a reference */
    struct ilist_node node;         /* of its runs */
    const struct unit *unit;        /* the module whose function was called last */
    struct script_exchange *x;
    double handle;

    uint32_t call; /* its calls, counted: the number of the one at hand */
    bool calling;  /* a call has begun and was not reported */
    bool ended;    /* its outcome is known */
    enum script_function function;
    enum script_status status;
    enum script_limit limit; /* that was passed in the call at hand; SCRIPT_LIMIT_COUNT: none */
    unsigned hits;           /* a bit for each limit that was passed */
    char *text;              /* of the outcome; owned */
    size_t text_len;         /* it may have NULs */
    script_done_fn done;
    void *user;
    struct ilist_node finished_node;
    struct timeout wall;

    struct ilist timers; /* of struct host_timer */
    uint32_t timer_count;
    struct ilist fetches;  /* of struct host_fetch */
    uint32_t fetch_count;  /* that were ever begun */
    struct ilist asked;    /* of struct host_state */
    struct ilist streams;  /* of struct host_stream */
    uint32_t stream_count; /* that were ever opened */
    struct host_flow flow;
};

/* Records how the call at hand ended; the first record counts. Takes over text (malloc; may be NULL), which is len bytes
 * long. It is reported when JavaScript has returned. */
void script_run_end(struct script_run *r, enum script_status status, char *text, size_t len);

/* What the log says of a limit that stopped a function; the caller frees it. */
char *script_run_limit_text(const char *module, struct str function, enum script_status status,
                            const struct script_limits *l);

/* Enters JavaScript to settle what ticket names; value may be NULL for undefined. r may be gone afterwards. */
void script_run_settle(struct script_run *r, double ticket, enum script_run_settlement how,
                       JSValueRef value);

/* Counts and logs a limit of which the module is told by an exception. */
void script_run_hit(struct script_run *r, enum script_limit limit);

/* Its VM ends: what is pending is dropped, and a call ends with SCRIPT_HEAP, to be reported. */
void script_run_abandon(struct script_run *r);

/* The context that its modules run in. */
JSContextRef script_run_context(const struct script_run *r);

/* Reports the calls that have ended. */
void script_run_report(struct script_vm *vm);

#endif
