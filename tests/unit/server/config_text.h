/* A configuration file in a temporary directory that tests write and read again. */
#ifndef UNIT_SERVER_CONFIG_TEXT_H
#define UNIT_SERVER_CONFIG_TEXT_H

#include "server/config_file.h"
#include "store/store_temp.h"
#include "testing.h"

static char config_text_dir[STORE_TEMP_SIZE];
static char config_text_file[STORE_TEMP_SIZE + 16];

static inline void config_text_write(const char *text)
{
    FILE *f = fopen(config_text_file, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* What the file says now. */
static inline struct config *config_text_load(void)
{
    struct config *c = NULL;
    struct err e = {0};
    if (config_file_load(config_text_file, &c, NULL, NULL, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    return c;
}

static inline int config_text_setup(void **state)
{
    (void)state;
    store_temp_create(config_text_dir);
    (void)snprintf(config_text_file, sizeof(config_text_file), "%s/c.yaml", config_text_dir);
    return 0;
}

static inline int config_text_teardown(void **state)
{
    (void)state;
    store_temp_remove(config_text_dir);
    return 0;
}

#endif
