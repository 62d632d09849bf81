/* dgate-runtime test */
#ifndef RUNTIME_TEST_COMMAND_H
#define RUNTIME_TEST_COMMAND_H

/* args: NULL-terminated, without the command. Returns an exit status. */
int test_command_run(char **args);

#endif
