#include "script/outbox.h"

#include <string.h>

#include "base/mem.h"
#include "script/host_body.h"
#include "script/host_fields.h"
#include "script/host_message.h"
#include "script/script_run.h"
#include "script/script_vm.h"

enum command {
    COMMAND_FIELD, /* side, length of the name, -, u32 length of the value; name, value: sets a field */
    COMMAND_ANSWER, /* is JSON, u16 status, u32 length of the body; body: sends the response */
};

enum { HEADER = 8 };

struct outbox *outbox_create(void)
{
    return mem_alloc(sizeof(struct outbox));
}

void outbox_set_body_max(struct outbox *o, size_t body_max)
{
    o->body_max = body_max < OUTBOX_TEXT_MAX ? (uint32_t)body_max : OUTBOX_TEXT_MAX;
}

JSValueRef outbox_buffer(JSContextRef ctx, struct outbox *o, JSValueRef *exception)
{
    JSObjectRef buffer =
        JSObjectMakeArrayBufferWithBytesNoCopy(ctx, o, sizeof(*o), NULL, NULL, exception);
    return buffer != NULL ? buffer : JSValueMakeUndefined(ctx);
}

static uint32_t u32_at(const unsigned char *p)
{
    uint32_t n = 0;
    memcpy(&n, p, sizeof(n));
    return n;
}

static uint16_t u16_at(const unsigned char *p)
{
    uint16_t n = 0;
    memcpy(&n, p, sizeof(n));
    return n;
}

static struct str text_at(const unsigned char *p, size_t len)
{
    return (struct str){(const char *)p, len};
}

static bool set_field(struct script_run *r, const unsigned char *p, size_t name, size_t value)
{
    return host_fields_set(r->x, p[1], text_at(p + HEADER, name),
                           text_at(p + HEADER + name, value));
}

static bool answer(struct script_run *r, const unsigned char *p, size_t len)
{
    return host_body_answer(r, u16_at(p + 2), p[1] != 0, text_at(p + HEADER, len));
}

/* Carries out the command at p, with left bytes from there; *ret_size is what it takes. */
static bool run_command(struct script_run *r, const unsigned char *p, size_t left, size_t *ret_size)
{
    *ret_size = left;
    if (left < HEADER)
        return true;
    const size_t name = p[0] == COMMAND_FIELD ? p[2] : 0;
    const size_t len = u32_at(p + 4);
    if (len > left - HEADER || name > left - HEADER - len)
        return true;
    *ret_size = HEADER + name + len;
    return p[0] == COMMAND_FIELD ? set_field(r, p, name, len) : answer(r, p, len);
}

static const char TOO_LARGE[] =
    "the headers (limits.module_request_memory) or the body (limit body) are too large";

void outbox_drain(struct script_vm *vm)
{
    struct outbox *o = vm->outbox;
    const size_t used = o->used < OUTBOX_SIZE ? o->used : OUTBOX_SIZE;
    o->used = 0;
    struct script_run *r = used > 0 ? script_vm_find(vm, o->handle) : NULL;
    bool fits = true;
    size_t size = 0;
    for (size_t at = 0; r != NULL && fits && at < used; at += size)
        fits = run_command(r, o->commands + at, used - at, &size);
    if (!fits)
        script_run_end(r, SCRIPT_THREW, mem_strdup(TOO_LARGE), sizeof(TOO_LARGE) - 1);
}
