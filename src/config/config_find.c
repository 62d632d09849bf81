#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "base/mem.h"
#include "config/config.h"

/* A TOML file is found too, so that it is refused with a hint and not passed over. */
static const char *const places[] = {
    "config.dgate.yml",  "config.dgate.yaml", "config.dgate.json",
    "config.dgate.toml", "dgate.yaml",        "/etc/dgate/config.yaml",
};

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

char *config_find(const char *flag)
{
    if (flag != NULL && *flag != '\0')
        return mem_strdup(flag);
    const char *path = environment("DG_CONFIG_PATH");
    if (path != NULL)
        return mem_strdup(path);
    if (environment("DG_CONFIG_DATA") != NULL)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], F_OK) == 0)
            return mem_strdup(places[i]);
    }
    return NULL;
}
