#include "runtime/source_files.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { FILES_MAX = 10000 };

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_skipped(const FTSENT *entry)
{
    return entry->fts_level > 0 &&
           (entry->fts_name[0] == '.' || strcmp(entry->fts_name, "node_modules") == 0);
}

static bool is_wanted(const FTSENT *entry, bool tests_only)
{
    const struct str name = str_of(entry->fts_name);
    if (tests_only)
        return str_ends(name, STR(".test.ts")) || str_ends(name, STR(".test.js"));
    return (str_ends(name, STR(".ts")) && !str_ends(name, STR(".d.ts"))) ||
           str_ends(name, STR(".js"));
}

static const char *without_dot(const char *path)
{
    return path[0] == '.' && path[1] == '/' ? path + 2 : path;
}

static enum err_code take(struct source_files *files, FTS *tree, FTSENT *entry, bool tests_only,
                          struct err *e)
{
    switch (entry->fts_info) {
    case FTS_D:
        if (is_skipped(entry))
            (void)fts_set(tree, entry, FTS_SKIP);
        return ERR_OK;
    case FTS_F:
    case FTS_SL:
        if (entry->fts_level > 0 && !is_wanted(entry, tests_only))
            return ERR_OK;
        if (files->n >= FILES_MAX)
            return err_set(e, ERR_TOO_LARGE, "there are more than %d files", FILES_MAX);
        vec_push(files, mem_strdup(without_dot(entry->fts_path)));
        return ERR_OK;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return err_set(e, ERR_IO, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
    default:
        return ERR_OK;
    }
}

enum err_code source_files_add(struct source_files *files, const char *path, bool tests_only,
                               struct err *e)
{
    char *name = mem_strdup(path);
    char *const paths[] = {name, NULL};
    enum err_code rc = ERR_OK;
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, by_name);
    if (tree == NULL)
        rc = err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    FTSENT *entry = NULL;
    while (rc == ERR_OK && (entry = fts_read(tree)) != NULL)
        rc = take(files, tree, entry, tests_only, e);
    if (tree != NULL)
        (void)fts_close(tree);
    free(name);
    return rc;
}

void source_files_finish(struct source_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->v[i]);
    vec_finish(files);
}
