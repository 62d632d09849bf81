/* dgate-runtime check */
#ifndef RUNTIME_CHECK_COMMAND_H
#define RUNTIME_CHECK_COMMAND_H

/* args: NULL-terminated, without the command. Returns an exit status. */
int check_command_run(char **args);

#endif
