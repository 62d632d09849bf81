/* The version of the program. */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

/* "0.1.0"; static. */
const char *version_text(void);

#endif
