/* Memory that the runtime library writes and the host reads: what modules do to their own request, as short commands in the
 * order in which they did it. Writing a command costs a tenth of a call from JavaScript to C. The commands are
 * carried out before the host does anything else for a request (host_run()) and when JavaScript has returned.
 *
 * js/runtime/outbox.ts has the same layout.
 */
#ifndef SCRIPT_OUTBOX_H
#define SCRIPT_OUTBOX_H

#include <JavaScriptCore/JavaScript.h>
#include <stddef.h>
#include <stdint.h>

struct script_vm;

enum { OUTBOX_SIZE = 8192, OUTBOX_TEXT_MAX = 256 }; /* the latter of one text in a command */

struct outbox {
    double handle;     /* of the request that the commands are for */
    uint32_t used;     /* bytes of commands */
    uint32_t body_max; /* of an answer; what is longer goes, or is refused, by a call */
    unsigned char commands[OUTBOX_SIZE];
};

/* An empty one; the caller frees it. */
struct outbox *outbox_create(void);

/* The module that writes from now on may give bodies of up to that many bytes. */
void outbox_set_body_max(struct outbox *o, size_t body_max);

/* The outbox of the VM as an ArrayBuffer of that context, which borrows it. */
JSValueRef outbox_buffer(JSContextRef ctx, struct outbox *o, JSValueRef *exception);

/* Carries out what waits, and empties it. A command that does not fit into the limits ends the call at hand. */
void outbox_drain(struct script_vm *vm);

#endif
