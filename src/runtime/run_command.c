#include "runtime/run_command.h"
int run_command_run(char **args)
{
    (void)args;
    return 1;
}
