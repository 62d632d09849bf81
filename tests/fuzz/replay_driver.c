/* Runs a fuzz target without libFuzzer, so that any compiler can replay a corpus: every argument is a
 * file, or a folder whose files are read. Fails when there is nothing to replay.
 */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static bool fail(const char *what, const char *path)
{
    (void)fprintf(stderr, "replay: cannot %s %s\n", what, path);
    return false;
}

static bool replay_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return fail("open", path);
    /* Exactly as large as the input, so that AddressSanitizer sees the first byte read past it. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    bool ok = data != NULL && fread(data, 1, size, f) == size;
    (void)fclose(f);
    if (ok) {
        (void)LLVMFuzzerTestOneInput(data, size);
        replayed++;
    }
    free(data);
    return ok || fail("read", path);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool replay_folder(const char *path)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, not_hidden, alphasort);
    if (n < 0)
        return fail("list", path);
    bool ok = true;
    for (int i = 0; i < n; i++) {
        char inner[PATH_MAX];
        struct stat st;
        int len = snprintf(inner, sizeof(inner), "%s/%s", path, names[i]->d_name);
        free(names[i]);
        if (len < 0 || (size_t)len >= sizeof(inner) || stat(inner, &st) != 0)
            ok = fail("find", inner);
        else if (S_ISREG(st.st_mode))
            ok = replay_file(inner, (size_t)st.st_size) && ok;
    }
    free(names);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0)
            ok = fail("find", argv[i]);
        else if (S_ISDIR(st.st_mode))
            ok = replay_folder(argv[i]) && ok;
        else
            ok = replay_file(argv[i], (size_t)st.st_size) && ok;
    }
    if (replayed == 0) {
        (void)fprintf(stderr, "replay: no input found; give files or folders\n");
        return EXIT_FAILURE;
    }
    (void)printf("replay: %zu inputs\n", replayed);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
