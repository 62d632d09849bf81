/* Which keys can change while the server runs, and a new configuration with the old values of those that cannot. */
#ifndef CONFIG_LIVE_H
#define CONFIG_LIVE_H

#include "config/config.h"
#include "config/keys.h"

/* A key whose change needs a restart. Texts are malloc()ed JSON; "absent" where there is none. */
struct live_kept {
    const char *path;
    char *running;
    char *wanted;
};
struct live_kept_list {
    VEC_OF(struct live_kept);
};

/* Whether a change of this key needs a restart: addresses, the storage, the size of what all processes share. */
bool live_needs_restart(const struct keys_key *k);

/* *ret: wanted, but with the running values of keys that need a restart; those that differ are added to kept. ERR_INVALID
 * when both together are no valid configuration. */
enum err_code live_merge(const struct config *running, const struct config *wanted,
                         struct config **ret, struct live_kept_list *kept, struct err *e)
    __attribute__((warn_unused_result));
void live_kept_finish(struct live_kept_list *kept);

/* Whether both say the same, the file's name aside. */
bool live_equal(const struct config *a, const struct config *b);

#endif
