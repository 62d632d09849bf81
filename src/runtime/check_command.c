#include "runtime/check_command.h"
int check_command_run(char **args)
{
    (void)args;
    return 1;
}
