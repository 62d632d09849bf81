#include "server/version.h"

const char *version_text(void)
{
    return DGATE_VERSION;
}
