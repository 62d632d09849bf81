/* Forced into every file (-include): functions that must not be used become compile errors. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy sprintf vsprintf strtok gets atoi atol
#pragma GCC poison localtime gmtime asctime ctime

#endif
