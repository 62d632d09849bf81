#include "server/launch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "io/child.h"
#include "io/shm.h"
#include "io/signals.h"

static const char *const ROLE_NAMES[] = {"supervisor", "control", "worker", "compiler"};

enum err_code launch_write(const struct launch *l, int *fd, struct err *e)
{
    /* The address holds bytes that JSON cannot: it travels as hexadecimal. */
    char address[2 * LAUNCH_ADDRESS_MAX + 1];
    *hex_encode(address, (struct str){l->address, l->address_len}) = '\0';
    json_t *json =
        json_pack("{s:o, s:I, s:s, s:s, s:s, s:I, s:I, s:I}", "config", config_to_json(l->config),
                  "workers", (json_int_t)l->workers, "store_dir", l->store_dir, "token", l->token,
                  "address", address, "proxy_port", (json_int_t)l->proxy_port, "admin_port",
                  (json_int_t)l->admin_port, "test_port", (json_int_t)l->test_port);
    struct buf text;
    buf_init(&text, (size_t)256 * 1024 * 1024);
    enum err_code rc = ERR_OK;
    if (json == NULL || !json_text_write(&text, json))
        rc = err_set(e, ERR_INTERNAL, "the configuration is too large to hand over");
    else
        rc = shm_put_text("dgate-launch", buf_str(&text), fd, e);
    buf_finish(&text);
    json_decref(json);
    return rc;
}

static void read_members(const json_t *json, struct launch *ret)
{
    ret->workers = (uint32_t)json_integer_value(json_object_get(json, "workers"));
    ret->store_dir = mem_strdup(json_string_value(json_object_get(json, "store_dir")));
    struct str token = json_text_str(json_object_get(json, "token"));
    if (token.len < sizeof(ret->token))
        memcpy(ret->token, token.p, token.len);
    struct str address = json_text_str(json_object_get(json, "address"));
    if (address.len / 2 <= sizeof(ret->address) && hex_decode(ret->address, address))
        ret->address_len = address.len / 2;
    ret->proxy_port = json_integer_value(json_object_get(json, "proxy_port"));
    ret->admin_port = json_integer_value(json_object_get(json, "admin_port"));
    ret->test_port = json_integer_value(json_object_get(json, "test_port"));
}

enum err_code launch_read(int fd, struct launch *ret, struct err *e)
{
    size_t len = 0;
    char *text = shm_get_text(fd, &len, e);
    if (text == NULL)
        return ERR_IO;
    json_t *json = json_text_parse((struct str){text, len}, e);
    free(text);
    if (json == NULL || json_string_value(json_object_get(json, "store_dir")) == NULL) {
        json_decref(json);
        return err_set(e, ERR_INTERNAL, "descriptor %d does not hold what the supervisor writes",
                       fd);
    }
    struct launch l = {0};
    enum err_code rc = config_from_json(json_object_get(json, "config"), &l.config, e);
    if (rc == ERR_OK) {
        read_members(json, &l);
        *ret = l;
    }
    json_decref(json);
    return rc;
}

void launch_finish(struct launch *l)
{
    config_destroy(l->config);
    free(l->store_dir);
    *l = (struct launch){0};
}

void launch_begin(const struct launch *l, pid_t parent, const char *name)
{
    child_die_with_parent(parent);
    signals_ignore_operator();
    struct log_setup setup = {
        .level = l->config->log_level, .json = l->config->log_json, .process = name};
    log_configure(&setup);
    char title[16];
    (void)snprintf(title, sizeof(title), "dgate-%s", name);
    (void)prctl(PR_SET_NAME, title);
}

void launch_args(const struct launch_seat *seat, char text[LAUNCH_ROLE_SIZE], const char *args[4])
{
    (void)snprintf(text, LAUNCH_ROLE_SIZE, "%s:%u:%u:%d", ROLE_NAMES[seat->role], seat->index,
                   seat->slot, (int)getpid());
    args[0] = "dgate-server";
    args[1] = "--role";
    args[2] = text;
    args[3] = NULL;
}

/* The number up to the next ':' or the end; *rest goes behind it. */
static bool take_number(struct str *rest, uint64_t max, uint64_t *ret)
{
    size_t end = str_index(*rest, ':', 0);
    bool ok = str_to_u64(str_slice(*rest, 0, end), max, ret);
    *rest = end < rest->len ? str_skip(*rest, end + 1) : (struct str){0};
    return ok;
}

bool launch_parse_role(const char *text, struct launch_seat *seat, pid_t *parent)
{
    struct str s = str_of(text);
    size_t colon = str_index(s, ':', 0);
    if (colon == s.len)
        return false;
    struct str rest = str_skip(s, colon + 1);
    uint64_t index = 0;
    uint64_t slot = 0;
    uint64_t pid = 0;
    if (!take_number(&rest, LAUNCH_WORKERS_MAX, &index) ||
        !take_number(&rest, (uint64_t)LAUNCH_WORKERS_MAX * LAUNCH_SLOTS_PER_WORKER, &slot) ||
        !take_number(&rest, INT32_MAX, &pid) || rest.len > 0)
        return false;
    for (int r = LAUNCH_CONTROL; r <= LAUNCH_COMPILER; r++) {
        if (!str_eq(str_slice(s, 0, colon), str_of(ROLE_NAMES[r])))
            continue;
        *seat = (struct launch_seat){(enum launch_role)r, (uint32_t)index, (uint32_t)slot};
        *parent = (pid_t)pid;
        return true;
    }
    return false;
}
