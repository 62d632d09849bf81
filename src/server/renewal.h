/* SIGHUP and SIGUSR2: gives the running server a new configuration, or a new program, without losing a connection. One at a
 * time; one more may wait.
 */
#ifndef SERVER_RENEWAL_H
#define SERVER_RENEWAL_H

#include "server/roll.h"
#include "server/storage_dir.h"

struct upgrade_check;

/* In rising order: an upgrade reads the configuration too. */
enum renewal_kind { RENEWAL_NONE, RENEWAL_RELOAD, RENEWAL_UPGRADE };

/* A configuration to go back to. */
struct renewal_before {
    struct config *config; /* NULL: there is none */
    int text;
    uint32_t generation;
};

struct renewal {
    struct keeper_shared *shared; /* this and the next three are the supervisor's, borrowed */
    struct launch *launch;
    const struct storage_dir *storage;
    const char *flag; /* -c; NULL */
    char *program;    /* NULL: not found */
    struct roll roll;
    struct renewal_before before;
    struct upgrade_check *check;
    enum renewal_kind running; /* what the roll is for */
    enum renewal_kind waiting;
    char *upgraded_from; /* the version, until that is done */
    uint32_t last_generation;
    bool stuck; /* the roll goes on trying in vain */
};

/* shared, launch, storage, flag and program are set; keepers are borrowed. */
void renewal_init(struct renewal *r, struct keeper *keepers, size_t count);

/* A signal asks for it. */
void renewal_ask(struct renewal *r, enum renewal_kind kind);

/* Takes the steps that are possible now. */
void renewal_step(struct renewal *r);

/* Control ended without having been ready. True: the configuration before is back, and it is started with that. */
bool renewal_control_failed(struct renewal *r);

/* First thing after an upgrade: every process that was taken over is replaced. */
void renewal_continue_upgrade(struct renewal *r, const char *from);

/* Ends what is under way, because the server stops. */
void renewal_stop(struct renewal *r);
void renewal_finish(struct renewal *r);

/* Puts what the configuration says about the supervisor itself into effect. */
void renewal_apply(struct keeper_shared *shared, const struct config *c);

#endif
