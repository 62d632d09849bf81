/* What JavaScriptCore exports but declares only in headers that Debian does not ship. cmake/javascript.cmake checks
 * that the library has them.
 */
#ifndef SCRIPT_JSC_PRIVATE_H
#define SCRIPT_JSC_PRIVATE_H

#include <JavaScriptCore/JavaScript.h>
#include <stdbool.h>

/* NOLINTBEGIN(readability-identifier-naming): the names are the library's */

typedef bool (*jsc_should_terminate)(JSContextRef ctx, void *user);

/* Asks callback once after limit seconds of the thread's CPU time in one entry; it must set the limit again to be
 * asked again. True ends the script with an exception that it cannot catch. */
void JSContextGroupSetExecutionTimeLimit(JSContextGroupRef group, double limit,
                                         jsc_should_terminate callback, void *user);

/* Collects all garbage of the group now, also what survived earlier collections. */
void JSSynchronousGarbageCollectForDebugging(JSContextRef ctx);

/* The signal by which the collector stops threads; before the first context only. */
bool JSConfigureSignalForGC(int signal);

void JSGlobalContextSetEvalEnabled(JSGlobalContextRef ctx, bool enabled, JSStringRef message);

/* function(promise, reason) is called for rejections that nothing handles. */
void JSGlobalContextSetUnhandledRejectionCallback(JSGlobalContextRef ctx, JSObjectRef function,
                                                  JSValueRef *exception);

/* JSC::JSLockHolder(VM &) and its end, and JSC::VM::drainMicrotasks(): C++ that the library exports (NULL when it does
 * not). A context group is a VM. Functions of the host are called without the lock. */
enum { JSC_LOCK_WORDS = 8 }; /* more than a JSLockHolder has */
void jsc_lock(void *holder, JSContextGroupRef vm) __asm__("_ZN3JSC12JSLockHolderC1ERNS_2VME")
    __attribute__((weak));
void jsc_unlock(void *holder) __asm__("_ZN3JSC12JSLockHolderD1Ev") __attribute__((weak));
void jsc_drain_microtasks(JSContextGroupRef vm) __asm__("_ZN3JSC2VM15drainMicrotasksEv")
    __attribute__((weak));

/* Whether the library exports these three. */
static inline bool jsc_has_lock(void)
{
    return jsc_lock != NULL && jsc_unlock != NULL && jsc_drain_microtasks != NULL;
}

/* WTF::releaseFastMallocFreeMemory(): what is free goes back to the system now, not a good while later. */
void jsc_release_free_memory(void) __asm__("_ZN3WTF27releaseFastMallocFreeMemoryEv")
    __attribute__((weak));

/* NOLINTEND(readability-identifier-naming) */

#endif
