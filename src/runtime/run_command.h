/* dgate-runtime run */
#ifndef RUNTIME_RUN_COMMAND_H
#define RUNTIME_RUN_COMMAND_H

/* args: NULL-terminated, without the command. Returns an exit status. */
int run_command_run(char **args);

#endif
