/* The insides of a run that the functions of the host share. */
#ifndef SCRIPT_SCRIPT_RUN_H
#define SCRIPT_SCRIPT_RUN_H

#include <JavaScriptCore/JavaScript.h>

#include "base/ilist.h"
#include "io/timeout.h"
#include "script/host_flow.h"
#include "script/script.h"

struct realm;

/* src/script/host_call.c and js/runtime/host.ts have the same numbers. */
enum script_run_settlement { SCRIPT_RUN_REJECT, SCRIPT_RUN_RESOLVE, SCRIPT_RUN_AGAIN };

struct script_run {
    struct script_vm *vm;
    struct script_program *program; /* a reference */
    struct script_exchange *x;
    double handle;

    uint32_t call; /* its calls, counted: the number of the one at hand */
    bool calling;  /* a call has begun and was not reported */
    bool ended;    /* its outcome is known */
    enum script_function function;
    enum script_status status;
    char *text; /* of the outcome; owned */
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

/* Records how the call at hand ended; the first record counts. Takes over text (malloc; may be NULL). It is reported
 * when JavaScript has returned. */
void script_run_end(struct script_run *r, enum script_status status, char *text);

/* Enters JavaScript to settle what ticket names; value may be NULL for undefined. r may be gone afterwards. */
void script_run_settle(struct script_run *r, double ticket, enum script_run_settlement how,
                       JSValueRef value);

/* The context that its modules run in. */
JSContextRef script_run_context(const struct script_run *r);

/* Reports the calls that have ended. */
void script_run_report(struct script_vm *vm);

#endif
