/* The store: one LMDB environment with a few tables of byte keys and byte values. Control is its only
 * writer; any process may read. One environment per process, opened after fork (LMDB's rule).
 *
 * Any thread may begin a transaction; each transaction is used by one thread at a time. A commit whose
 * sync failed is never seen, neither by readers nor by a later commit. When LMDB declares its
 * environment unusable after such a failure, it is closed and opened again as soon as no transaction is
 * open in this process; until then beginning one fails with UNAVAILABLE.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "base/str.h"

/* table, its name in LMDB */
#define STORE_TABLES(X)                                                                            \
    X(RESOURCES,                                                                                   \
      "resources") /* model key -> u64 revision big-endian, then JSON: all kinds but documents */  \
    X(DOCUMENTS, "documents") /* the same, for documents */                                        \
    X(ENTRIES,                                                                                     \
      "entries")    /* "entry\0ns\0key" -> u64 revision, then as change/entry_value.h says */      \
    X(LOG, "log")   /* u64 revision big-endian -> JSON of the change-log entry */                  \
    X(META, "meta") /* "format" here; "revision", "hash", ... (cluster/local.c); "init\0..." */

enum store_table {
#define X(name, text) STORE_##name,
    STORE_TABLES(X)
#undef X
        STORE_TABLE_COUNT,
};

struct store;
struct store_read;
struct store_write;

enum store_mode { STORE_READ_WRITE, STORE_READ_ONLY };

enum {
    STORE_KEY_MAX = 511,    /* a key has 1 to that many bytes */
    STORE_READERS_MAX = 500 /* snapshots open at once, over all processes */
};

/* Opens (read-write: creates, with the directory) the environment in directory dir. map_bytes is the
 * largest size it may grow to (sparse). The message names dir. INVALID when a newer version of the program
 * wrote it, NOT_FOUND when it is to be read and not there. */
enum err_code store_open(const char *dir, enum store_mode mode, size_t map_bytes,
                         struct store **ret, struct err *e) __attribute__((warn_unused_result));
void store_close(struct store *s);

/* Writes a consistent copy of all of it into dir, which exists and has no store yet. */
enum err_code store_copy(struct store *s, const char *dir, struct err *e)
    __attribute__((warn_unused_result));

/* Frees reader slots of processes that died. */
void store_reap_readers(struct store *s);

/* A consistent snapshot. What it returns is valid until store_read_end() or store_read_renew(). Keep it
 * short: old pages stay alive under it. store_read_renew() moves it to the newest state; when that fails
 * it shows nothing until a later store_read_renew() succeeds. store_read_end() accepts NULL. */
enum err_code store_read_begin(struct store *s, struct store_read **ret, struct err *e)
    __attribute__((warn_unused_result));
enum err_code store_read_renew(struct store_read *r, struct err *e)
    __attribute__((warn_unused_result));
void store_read_end(struct store_read *r);

/* False when the key is absent. */
bool store_get(struct store_read *r, enum store_table t, struct str key, struct str *value)
    __attribute__((warn_unused_result));

/* Calls fn for every key that begins with prefix and is >= from (empty: the first), in byte order, until
 * fn returns false. */
typedef bool (*store_each_fn)(void *user, struct str key, struct str value);
void store_each(struct store_read *r, enum store_table t, struct str prefix, struct str from,
                store_each_fn fn, void *user);

/* All of a table, the last key first, until fn returns false. */
void store_each_back(struct store_read *r, enum store_table t, store_each_fn fn, void *user);

/* How many keys begin with prefix: walks them, unless prefix is empty. */
size_t store_count(struct store_read *r, enum store_table t, struct str prefix);

/* One write transaction; only in a process that opened read-write, begun and ended on one thread, one at a
 * time. store_write_commit() returns after the data is durable (fsync); on failure nothing of it is kept:
 * NO_SPACE for ENOSPC or a full map, IO else. Either way the write is gone afterwards. After a store_put(),
 * store_delete_range() or store_delete() that failed (other than with NOT_FOUND or, for a key of a wrong
 * length, INVALID) the write cannot be committed: commit then fails with the same code. */
enum err_code store_write_begin(struct store *s, struct store_write **ret, struct err *e)
    __attribute__((warn_unused_result));
bool store_write_get(struct store_write *w, enum store_table t, struct str key, struct str *value)
    __attribute__((warn_unused_result));
enum err_code store_put(struct store_write *w, enum store_table t, struct str key, struct str value,
                        struct err *e) __attribute__((warn_unused_result));
/* NOT_FOUND when the key is absent. */
enum err_code store_delete(struct store_write *w, enum store_table t, struct str key, struct err *e)
    __attribute__((warn_unused_result));
/* Removes all keys that begin with prefix and are < until (empty: no bound); *removed counts them. */
enum err_code store_delete_range(struct store_write *w, enum store_table t, struct str prefix,
                                 struct str until, size_t *removed, struct err *e)
    __attribute__((warn_unused_result));
enum err_code store_write_commit(struct store_write *w, struct err *e)
    __attribute__((warn_unused_result));
void store_write_abort(struct store_write *w);

/* The revision in front of a RESOURCES or DOCUMENTS value, and the JSON behind it (0 and empty when the
 * value is too short to have one). */
uint64_t store_value_revision(struct str value);
struct str store_value_json(struct str value);

/* Big-endian u64 <-> 8 bytes, for keys that sort by number. store_u64_of() gives 0 for less than 8 bytes. */
enum { STORE_U64_SIZE = 8 };
void store_u64_key(uint64_t n, char out[STORE_U64_SIZE]);
uint64_t store_u64_of(struct str key);

#endif
