#include "server/config_file.h"

#include <stdlib.h>

#include "server/http_setup.h"

enum err_code config_file_load(const char *flag, struct config **ret,
                               struct config_warnings *warnings, struct model_problems *problems,
                               struct err *e)
{
    struct config *c = NULL;
    char *path = config_find(flag);
    enum err_code rc = config_load(path, &c, warnings, problems, e);
    free(path);
    if (rc == ERR_OK)
        rc = http_setup_try_access_log(c, e);
    if (rc == ERR_OK)
        *ret = c;
    else
        config_destroy(c);
    return rc;
}
