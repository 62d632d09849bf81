#include "server/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "base/mem.h"
#include "codec/json.h"
#include "io/shm.h"

enum { TEXT_MAX = 1024 * 1024 };

static json_t *write_process(const struct handover_process *p)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:b}", "role", (int)p->seat.role, "index",
                     (int)p->seat.index, "slot", (int)p->seat.slot, "pid", (int)p->pid, "drains",
                     (int)p->drains);
}

enum err_code handover_write(const struct handover *h, int *fd, struct err *e)
{
    json_t *fds = json_array();
    for (size_t i = 0; i < ARRAY_LEN(h->sockets.fds); i++)
        (void)json_array_append_new(fds, json_integer(h->sockets.fds[i]));
    json_t *processes = json_array();
    for (size_t i = 0; i < h->n; i++)
        (void)json_array_append_new(processes, write_process(&h->v[i]));
    json_t *json = json_pack("{s:i, s:s, s:i, s:o, s:s, s:b, s:i, s:o}", "format", HANDOVER_VERSION,
                             "from", h->from, "pid", (int)getpid(), "fds", fds, "storage",
                             h->storage.path, "temporary", (int)h->storage.temporary, "lock",
                             h->storage.lock_fd, "processes", processes);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    enum err_code rc = ERR_OK;
    if (json == NULL || !json_text_write(&text, json))
        rc = err_set(e, ERR_INTERNAL, "what is to be handed over is too large");
    else
        rc = shm_put_text("dgate-handover", buf_str(&text), fd, e);
    buf_finish(&text);
    json_decref(json);
    return rc;
}

static int int_at(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    return json_is_integer(value) ? (int)json_integer_value(value) : -1;
}

static void read_members(const json_t *json, struct handover *h)
{
    h->from = mem_strdup(json_string_value(json_object_get(json, "from")));
    const json_t *fds = json_object_get(json, "fds");
    sockets_init(&h->sockets);
    for (size_t i = STDERR_FILENO + 1; i < json_array_size(fds) && i < SOCKETS_MAX; i++)
        h->sockets.fds[i] = (int)json_integer_value(json_array_get(fds, i));
    h->storage = (struct storage_dir){
        .path = mem_strdup(json_string_value(json_object_get(json, "storage"))),
        .lock_fd = int_at(json, "lock"),
        .temporary = json_is_true(json_object_get(json, "temporary")),
    };
    const json_t *list = json_object_get(json, "processes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        struct handover_process process = {
            .seat = {(enum launch_role)int_at(p, "role"), (uint32_t)int_at(p, "index"),
                     (uint32_t)int_at(p, "slot")},
            .pid = int_at(p, "pid"),
            .drains = json_is_true(json_object_get(p, "drains")),
        };
        vec_push(h, process);
    }
}

enum err_code handover_read(int fd, struct handover *ret, struct err *e)
{
    size_t len = 0;
    char *text = shm_get_text(fd, &len, e);
    if (text == NULL)
        return ERR_IO;
    (void)close(fd);
    json_t *json = json_text_parse((struct str){text, len}, e);
    free(text);
    if (json == NULL)
        return ERR_INVALID;
    enum err_code rc = ERR_OK;
    int format = int_at(json, "format");
    if (format < HANDOVER_OLDEST || format > HANDOVER_VERSION) {
        rc = err_set(e, ERR_INVALID, "it was handed over in format %d, which is not known here",
                     format);
    } else if (int_at(json, "pid") != getpid()) {
        rc = err_set(e, ERR_INVALID, "it was handed over to another process");
    } else if (json_string_value(json_object_get(json, "from")) == NULL ||
               json_string_value(json_object_get(json, "storage")) == NULL) {
        rc = err_set(e, ERR_INVALID, "what was handed over is not complete");
    }
    if (rc == ERR_OK) {
        *ret = (struct handover){0};
        read_members(json, ret);
    }
    json_decref(json);
    return rc;
}

void handover_finish(struct handover *h)
{
    free(h->from);
    free(h->storage.path);
    vec_finish(h);
    *h = (struct handover){0};
}

void handover_keep_open(const struct handover *h, bool keep)
{
    for (size_t i = STDERR_FILENO + 1; i < ARRAY_LEN(h->sockets.fds); i++) {
        /* The lock stays open in any case: children hold it too. */
        if (h->sockets.fds[i] >= 0 && i != LAUNCH_FD_LOCK)
            (void)fcntl(h->sockets.fds[i], F_SETFD, keep ? 0 : FD_CLOEXEC);
    }
}
