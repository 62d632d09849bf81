/* dgate-runtime bench */
#ifndef RUNTIME_BENCH_COMMAND_H
#define RUNTIME_BENCH_COMMAND_H

/* args: NULL-terminated, without the command. Returns an exit status. */
int bench_command_run(char **args);

#endif
