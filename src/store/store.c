/* LMDB keeps two meta pages and writes them in turn, so a commit is: write the new pages, fdatasync, write
 * the older meta page through a descriptor opened with O_DSYNC, then publish the transaction's number in
 * the lock file that all processes map. Readers start from the published number.
 *
 * What can fail, and what then holds:
 * - writing pages or fdatasync: nothing points to them; LMDB drops the transaction and goes on.
 * - writing the meta page: the page cache may hold the new one, so LMDB writes the old number back, does not
 *   publish, and refuses all further transactions of this environment (MDB_PANIC). Readers of other
 *   processes go on with the state before. Here the environment is closed and opened again before the next
 *   transaction, see enter(). The next commit gets the same number and the same meta page. (Should even the
 *   old number not reach the page cache, the first process of a next start would find the new one.)
 * - death between writing and publishing: the change is durable though nobody was told. The first write
 *   transaction after it publishes it (LMDB's robust mutex), which is why opening read-write begins one.
 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/store_dir.h"

enum {
    FORMAT = 1,
    BEGIN_ATTEMPTS = 3,
    LOCK_FILE_BYTES = 32768, /* LMDB's reader table: 64 bytes a reader */
    FULL_DISK_BYTES = 1024 * 1024,
};

static_assert(LOCK_FILE_BYTES / 64 > STORE_READERS_MAX, "the reader table must have its file");

static const char *const TABLE_NAMES[] = {
#define X(name, text) [STORE_##name] = (text),
    STORE_TABLES(X)
#undef X
};

struct store {
    char *dir;
    enum store_mode mode;
    size_t map_bytes;
    pthread_mutex_t mutex; /* for the members below */
    MDB_env *env;          /* NULL after opening it again failed */
    MDB_dbi tables[STORE_TABLE_COUNT];
    size_t users; /* open transactions */
    int broken;   /* 0, MDB_PANIC or MDB_MAP_RESIZED: mend before the next transaction */
};

struct store_read {
    struct store *store;
    MDB_txn *txn; /* NULL after a failed renewal */
};

struct store_write {
    struct store *store;
    MDB_txn *txn;
    enum err_code failed; /* what the first failed operation returned */
};

static MDB_val val_of(struct str s)
{
    /* LMDB does not write through it; its type has no const. */
    union {
        const char *in;
        void *out;
    } p = {.in = s.p != NULL ? s.p : ""};
    return (MDB_val){.mv_size = s.len, .mv_data = p.out};
}

static struct str str_of_val(MDB_val v)
{
    return (struct str){.p = v.mv_data, .len = v.mv_size};
}

/* LMDB turns a short write into EIO, which is what a disk that fills up gives first. */
static bool disk_full(const struct store *s)
{
    struct statvfs st;
    return statvfs(s->dir, &st) == 0 && st.f_bavail * st.f_frsize < FULL_DISK_BYTES;
}

static enum err_code code_of(const struct store *s, int rc)
{
    switch (rc) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case MDB_MAP_FULL:
        return ERR_NO_SPACE;
    case EIO:
        return disk_full(s) ? ERR_NO_SPACE : ERR_IO;
    case ENOENT:
        return ERR_NOT_FOUND;
    case MDB_BAD_VALSIZE:
        return ERR_INVALID;
    case MDB_TXN_FULL:
        return ERR_TOO_LARGE;
    case MDB_PANIC:
    case MDB_MAP_RESIZED:
    case MDB_READERS_FULL:
        return ERR_UNAVAILABLE;
    default:
        return ERR_IO;
    }
}

static enum err_code fail(const struct store *s, int rc, const char *what, struct err *e)
{
    if (rc == MDB_MAP_FULL)
        return err_set(e, ERR_NO_SPACE, "store %s: %s: it has reached its largest size, %zu bytes",
                       s->dir, what, s->map_bytes);
    return err_set(e, code_of(s, rc), "store %s: %s: %s", s->dir, what, mdb_strerror(rc));
}

/* Opens the tables (read-write: makes them) and checks the format. */
static enum err_code open_tables(struct store *s, MDB_txn *txn, struct err *e)
{
    bool write = s->mode == STORE_READ_WRITE;
    for (size_t i = 0; i < STORE_TABLE_COUNT; i++) {
        int rc = mdb_dbi_open(txn, TABLE_NAMES[i], write ? MDB_CREATE : 0, &s->tables[i]);
        if (rc == MDB_NOTFOUND)
            return err_set(e, ERR_NOT_FOUND, "store %s has no table %s", s->dir, TABLE_NAMES[i]);
        if (rc != 0)
            return fail(s, rc, "cannot open a table", e);
    }
    char number[STORE_U64_SIZE];
    store_u64_key(FORMAT, number);
    MDB_val key = val_of(STR("format"));
    MDB_val value = {0};
    int rc = mdb_get(txn, s->tables[STORE_META], &key, &value);
    if (rc == MDB_NOTFOUND && write) {
        value = val_of((struct str){number, sizeof(number)});
        rc = mdb_put(txn, s->tables[STORE_META], &key, &value, 0);
    }
    if (rc != 0)
        return fail(s, rc, "cannot read its format", e);
    uint64_t format = store_u64_of(str_of_val(value));
    if (format == FORMAT)
        return ERR_OK;
    return err_set(e, ERR_INVALID,
                   "store %s has format %llu: a newer version of the program wrote it, this one "
                   "reads format %d",
                   s->dir, (unsigned long long)format, FORMAT);
}

/* Reserves the blocks of LMDB's lock file. It is written through a map, where a full disk would be a
 * SIGBUS for whoever touches the next page of it. */
static enum err_code reserve_lock_file(const struct store *s, struct err *e)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/lock.mdb", s->dir);
    if (len < 0 || (size_t)len >= sizeof(path))
        return err_set(e, ERR_INVALID, "store %s: the name is too long", s->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = fd < 0 ? errno : posix_fallocate(fd, 0, LOCK_FILE_BYTES);
    if (fd >= 0)
        (void)close(fd);
    return rc == 0 ? ERR_OK : fail(s, rc, "cannot reserve the lock file", e);
}

/* Opens the environment and its first transaction. *env may be set on failure, too. */
static int open_lmdb(const struct store *s, MDB_env **env, MDB_txn **txn)
{
    const unsigned mode = s->mode == STORE_READ_WRITE ? 0U : MDB_RDONLY;
    int rc = mdb_env_create(env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(*env, s->map_bytes);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(*env, STORE_TABLE_COUNT);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(*env, STORE_READERS_MAX);
    if (rc == 0)
        rc = mdb_env_open(*env, s->dir, MDB_NOTLS | mode, 0600);
    if (rc == 0)
        rc = mdb_txn_begin(*env, NULL, mode, txn);
    if (rc == MDB_MAP_RESIZED) { /* made with a larger map: take over its size */
        rc = mdb_env_set_mapsize(*env, 0);
        if (rc == 0)
            rc = mdb_txn_begin(*env, NULL, mode, txn);
    }
    return rc;
}

/* Makes s->env. Leaves it as it is on failure. */
static enum err_code open_env(struct store *s, struct err *e)
{
    const bool write = s->mode == STORE_READ_WRITE;
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    enum err_code code = write ? reserve_lock_file(s, e) : ERR_OK;
    if (code != ERR_OK)
        return code;
    int rc = open_lmdb(s, &env, &txn);
    if (rc != 0) {
        code = fail(s, rc, "cannot open it", e);
        mdb_env_close(env);
        return code;
    }
    code = open_tables(s, txn, e);
    if (code == ERR_OK) {
        rc = mdb_txn_commit(txn);
        code = rc == 0 ? ERR_OK : fail(s, rc, "cannot open it", e);
    } else {
        mdb_txn_abort(txn);
    }
    if (code == ERR_OK && write)
        code = store_dir_sync(s->dir, e);
    if (code != ERR_OK) {
        mdb_env_close(env);
        return code;
    }
    s->env = env;
    return ERR_OK;
}

enum err_code store_open(const char *dir, enum store_mode mode, size_t map_bytes,
                         struct store **ret, struct err *e)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    enum err_code code = mode == STORE_READ_WRITE ? store_dir_create(dir, e) : ERR_OK;
    if (code != ERR_OK)
        return code;
    struct store *s = mem_alloc(sizeof(*s));
    s->dir = mem_strdup(dir);
    s->mode = mode;
    s->map_bytes = map_bytes / page * page;
    code = open_env(s, e);
    if (code != ERR_OK) {
        free(s->dir);
        free(s);
        return code;
    }
    (void)pthread_mutex_init(&s->mutex, NULL);
    *ret = s;
    return ERR_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    assert(s->users == 0);
    mdb_env_close(s->env);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s->dir);
    free(s);
}

enum err_code store_copy(struct store *s, const char *dir, struct err *e)
{
    (void)pthread_mutex_lock(&s->mutex);
    int rc = s->env != NULL ? mdb_env_copy(s->env, dir) : EIO;
    (void)pthread_mutex_unlock(&s->mutex);
    return rc == 0 ? ERR_OK : fail(s, rc, "cannot copy it", e);
}

void store_reap_readers(struct store *s)
{
    int dead = 0;
    (void)pthread_mutex_lock(&s->mutex);
    if (s->env != NULL && mdb_reader_check(s->env, &dead) == 0 && dead > 0)
        log_debug("store", "freed %d reader slots of processes that died", dead);
    (void)pthread_mutex_unlock(&s->mutex);
}

/* Makes the environment usable again. Nobody uses it. */
static enum err_code mend(struct store *s, struct err *e)
{
    if (s->broken == MDB_MAP_RESIZED && s->env != NULL) {
        int rc = mdb_env_set_mapsize(s->env, 0);
        if (rc != 0)
            return fail(s, rc, "cannot follow its size", e);
    } else {
        if (s->env != NULL)
            mdb_env_close(s->env);
        s->env = NULL;
        enum err_code code = open_env(s, e);
        if (code != ERR_OK)
            return code;
        log_warn("store", "opened %s again after a failed write", s->dir);
    }
    s->broken = 0;
    return ERR_OK;
}

/* Counts a transaction in, after mending what is broken. */
static enum err_code enter(struct store *s, struct err *e)
{
    enum err_code code = ERR_OK;
    (void)pthread_mutex_lock(&s->mutex);
    if (s->broken != 0)
        code = s->users == 0 ? mend(s, e) : fail(s, s->broken, "cannot begin a transaction", e);
    if (code == ERR_OK)
        s->users++;
    (void)pthread_mutex_unlock(&s->mutex);
    return code;
}

/* Counts it out; rc is what LMDB said last. */
static void leave(struct store *s, int rc)
{
    (void)pthread_mutex_lock(&s->mutex);
    assert(s->users > 0);
    s->users--;
    if (rc == MDB_PANIC || rc == MDB_MAP_RESIZED)
        s->broken = rc;
    (void)pthread_mutex_unlock(&s->mutex);
}

static enum err_code begin(struct store *s, unsigned flags, MDB_txn **ret, struct err *e)
{
    for (int attempt = 0;; attempt++) {
        enum err_code code = enter(s, e);
        if (code != ERR_OK)
            return code;
        int rc = mdb_txn_begin(s->env, NULL, flags, ret);
        if (rc == 0)
            return ERR_OK;
        leave(s, rc);
        if ((rc != MDB_PANIC && rc != MDB_MAP_RESIZED) || attempt + 1 == BEGIN_ATTEMPTS)
            return fail(s, rc, "cannot begin a transaction", e);
    }
}

enum err_code store_read_begin(struct store *s, struct store_read **ret, struct err *e)
{
    MDB_txn *txn = NULL;
    enum err_code code = begin(s, MDB_RDONLY, &txn, e);
    if (code != ERR_OK)
        return code;
    struct store_read *r = mem_alloc(sizeof(*r));
    *r = (struct store_read){.store = s, .txn = txn};
    *ret = r;
    return ERR_OK;
}

enum err_code store_read_renew(struct store_read *r, struct err *e)
{
    if (r->txn != NULL) {
        mdb_txn_reset(r->txn);
        int rc = mdb_txn_renew(r->txn);
        if (rc == 0)
            return ERR_OK;
        mdb_txn_abort(r->txn);
        r->txn = NULL;
        leave(r->store, rc);
    }
    return begin(r->store, MDB_RDONLY, &r->txn, e);
}

void store_read_end(struct store_read *r)
{
    if (r == NULL)
        return;
    if (r->txn != NULL) {
        mdb_txn_abort(r->txn);
        leave(r->store, 0);
    }
    free(r);
}

/* False when absent. A damaged file looks like an absent key, so at least it is said. */
static bool get(struct store *s, MDB_txn *txn, enum store_table t, struct str key,
                struct str *value)
{
    if (txn == NULL || key.len == 0 || key.len > STORE_KEY_MAX)
        return false;
    MDB_val k = val_of(key);
    MDB_val v = {0};
    int rc = mdb_get(txn, s->tables[t], &k, &v);
    if (rc != 0) {
        if (rc != MDB_NOTFOUND)
            log_error("store", "cannot read table %s of %s: %s", TABLE_NAMES[t], s->dir,
                      mdb_strerror(rc));
        return false;
    }
    *value = str_of_val(v);
    return true;
}

bool store_get(struct store_read *r, enum store_table t, struct str key, struct str *value)
{
    return get(r->store, r->txn, t, key, value);
}

static void log_walk(const struct store_read *r, enum store_table t, int rc)
{
    if (rc != 0 && rc != MDB_NOTFOUND)
        log_error("store", "cannot read table %s of %s: %s", TABLE_NAMES[t], r->store->dir,
                  mdb_strerror(rc));
}

void store_each(struct store_read *r, enum store_table t, struct str prefix, struct str from,
                store_each_fn fn, void *user)
{
    MDB_cursor *c = NULL;
    if (r->txn == NULL)
        return;
    int rc = mdb_cursor_open(r->txn, r->store->tables[t], &c);
    if (rc == 0) {
        struct str start = str_cmp(from, prefix) > 0 ? from : prefix;
        MDB_val k = val_of(start);
        MDB_val v = {0};
        rc = mdb_cursor_get(c, &k, &v, start.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
        while (rc == 0 && str_starts(str_of_val(k), prefix) &&
               fn(user, str_of_val(k), str_of_val(v)))
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
        mdb_cursor_close(c);
    }
    log_walk(r, t, rc);
}

void store_each_back(struct store_read *r, enum store_table t, store_each_fn fn, void *user)
{
    MDB_cursor *c = NULL;
    if (r->txn == NULL)
        return;
    int rc = mdb_cursor_open(r->txn, r->store->tables[t], &c);
    if (rc == 0) {
        MDB_val k = {0};
        MDB_val v = {0};
        rc = mdb_cursor_get(c, &k, &v, MDB_LAST);
        while (rc == 0 && fn(user, str_of_val(k), str_of_val(v)))
            rc = mdb_cursor_get(c, &k, &v, MDB_PREV);
        mdb_cursor_close(c);
    }
    log_walk(r, t, rc);
}

static bool count_one(void *user, struct str key, struct str value)
{
    size_t *n = user;
    (void)key;
    (void)value;
    (*n)++;
    return true;
}

size_t store_count(struct store_read *r, enum store_table t, struct str prefix)
{
    size_t n = 0;
    MDB_stat all = {0};
    if (prefix.len == 0 && r->txn != NULL && mdb_stat(r->txn, r->store->tables[t], &all) == 0)
        return all.ms_entries;
    store_each(r, t, prefix, STR(""), count_one, &n);
    return n;
}

enum err_code store_write_begin(struct store *s, struct store_write **ret, struct err *e)
{
    MDB_txn *txn = NULL;
    assert(s->mode == STORE_READ_WRITE);
    enum err_code code = begin(s, 0, &txn, e);
    if (code != ERR_OK)
        return code;
    struct store_write *w = mem_alloc(sizeof(*w));
    *w = (struct store_write){.store = s, .txn = txn, .failed = ERR_OK};
    *ret = w;
    return ERR_OK;
}

bool store_write_get(struct store_write *w, enum store_table t, struct str key, struct str *value)
{
    return get(w->store, w->txn, t, key, value);
}

static enum err_code check_key(const struct store_write *w, struct str key, struct err *e)
{
    if (key.len == 0 || key.len > STORE_KEY_MAX)
        return err_set(e, ERR_INVALID, "store %s: a key has %zu bytes, not 1 to %d", w->store->dir,
                       key.len, STORE_KEY_MAX);
    return ERR_OK;
}

/* LMDB may have changed pages before it failed. */
static enum err_code spoil(struct store_write *w, int rc, const char *what, struct err *e)
{
    enum err_code code = fail(w->store, rc, what, e);
    if (w->failed == ERR_OK)
        w->failed = code;
    return code;
}

enum err_code store_put(struct store_write *w, enum store_table t, struct str key, struct str value,
                        struct err *e)
{
    enum err_code code = check_key(w, key, e);
    if (code != ERR_OK)
        return code;
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    int rc = mdb_put(w->txn, w->store->tables[t], &k, &v, 0);
    return rc == 0 ? ERR_OK : spoil(w, rc, "cannot write", e);
}

enum err_code store_delete(struct store_write *w, enum store_table t, struct str key, struct err *e)
{
    enum err_code code = check_key(w, key, e);
    if (code != ERR_OK)
        return code;
    MDB_val k = val_of(key);
    int rc = mdb_del(w->txn, w->store->tables[t], &k, NULL);
    if (rc == MDB_NOTFOUND)
        return err_set(e, ERR_NOT_FOUND, "store %s: no such key in table %s", w->store->dir,
                       TABLE_NAMES[t]);
    return rc == 0 ? ERR_OK : spoil(w, rc, "cannot delete", e);
}

enum err_code store_delete_range(struct store_write *w, enum store_table t, struct str prefix,
                                 struct str until, size_t *removed, struct err *e)
{
    MDB_cursor *c = NULL;
    size_t n = 0;
    int rc = mdb_cursor_open(w->txn, w->store->tables[t], &c);
    if (rc == 0) {
        MDB_val k = val_of(prefix);
        MDB_val v = {0};
        rc = mdb_cursor_get(c, &k, &v, prefix.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
        while (rc == 0 && str_starts(str_of_val(k), prefix) &&
               (until.len == 0 || str_cmp(str_of_val(k), until) < 0)) {
            rc = mdb_cursor_del(c, 0);
            if (rc != 0)
                break;
            n++;
            rc =
                mdb_cursor_get(c, &k, &v, MDB_NEXT); /* after a deletion: the one that follows it */
        }
        mdb_cursor_close(c);
    }
    if (rc != 0 && rc != MDB_NOTFOUND)
        return spoil(w, rc, "cannot delete", e);
    *removed = n;
    return ERR_OK;
}

enum err_code store_write_commit(struct store_write *w, struct err *e)
{
    struct store *s = w->store;
    if (w->failed != ERR_OK) {
        enum err_code failed = w->failed;
        store_write_abort(w);
        return err_set(e, failed, "store %s: a write failed before the commit", s->dir);
    }
    int rc = mdb_txn_commit(w->txn);
    enum err_code code = rc == 0 ? ERR_OK : fail(s, rc, "cannot commit", e);
    leave(s, rc);
    free(w);
    return code;
}

void store_write_abort(struct store_write *w)
{
    if (w == NULL)
        return;
    mdb_txn_abort(w->txn);
    leave(w->store, 0);
    free(w);
}

uint64_t store_value_revision(struct str value)
{
    return store_u64_of(value);
}

struct str store_value_json(struct str value)
{
    return value.len < STORE_U64_SIZE ? (struct str){.p = "", .len = 0}
                                      : str_skip(value, STORE_U64_SIZE);
}

void store_u64_key(uint64_t n, char out[STORE_U64_SIZE])
{
    for (unsigned i = 0; i < STORE_U64_SIZE; i++)
        out[i] = (char)(unsigned char)(n >> (56 - 8 * i));
}

uint64_t store_u64_of(struct str key)
{
    uint64_t n = 0;
    if (key.len < STORE_U64_SIZE)
        return 0;
    for (size_t i = 0; i < STORE_U64_SIZE; i++)
        n = n << 8 | (unsigned char)key.p[i];
    return n;
}
