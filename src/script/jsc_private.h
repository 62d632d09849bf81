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

/* NOLINTEND(readability-identifier-naming) */

#endif
