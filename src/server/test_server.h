/* The test server: an upstream to try things with, which answers every request with what it received, as JSON. */
#ifndef SERVER_TEST_SERVER_H
#define SERVER_TEST_SERVER_H

#include "config/config.h"

struct loop;
struct test_server;

/* Serves the listening socket fd (borrowed). config is borrowed. */
struct test_server *test_server_create(struct loop *loop, const struct config *config, int fd);

/* Stops accepting and closes idle connections. */
void test_server_stop(struct test_server *t);
void test_server_destroy(struct test_server *t);

#endif
