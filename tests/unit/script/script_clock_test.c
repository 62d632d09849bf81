#include <math.h>

#include "base/now.h"
#include "script/script_clock.h"
#include "testing.h"

struct bell {
    struct script_alarm alarm;
    char name;
};

static char rung[16];
static size_t rung_count;

static void ring(struct script_alarm *a)
{
    rung[rung_count++] = container_of(a, struct bell, alarm)->name;
    rung[rung_count] = '\0';
}

#define BELL(c)                                                                                    \
    {                                                                                              \
        .alarm.ring = ring, .name = (c)                                                            \
    }

static void rings_in_the_order_of_time(void **state)
{
    (void)state;
    struct script_clock c;
    struct bell b[] = {BELL('a'), BELL('b'), BELL('c'), BELL('d')};
    const double due[] = {20, 10, 20, 30};
    rung_count = 0;
    script_clock_init(&c);
    script_clock_stop(&c, 1000);
    const double begun = script_clock_mono_ms(&c);
    for (size_t i = 0; i < 4; i++)
        script_clock_add(&c, &b[i].alarm, due[i]);
    assert_true(script_clock_step(&c, begun + 10));
    assert_int_equal((int)(script_clock_mono_ms(&c) - begun), 10);
    assert_false(script_clock_step(&c, begun + 15));
    assert_int_equal((int)(c.wall_ms), 1015);
    while (script_clock_step(&c, begun + 25)) {
    }
    assert_string_equal(rung, "bac");
    assert_int_equal((int)(c.wall_ms), 1025);
    assert_true(script_clock_step(&c, HUGE_VAL));
    assert_false(script_clock_step(&c, HUGE_VAL));
    assert_int_equal((int)(c.wall_ms), 1030);
    assert_string_equal(rung, "bacd");
}

static void drops_alarms_when_time_goes_on(void **state)
{
    (void)state;
    struct script_clock c;
    struct bell b[] = {BELL('a'), BELL('b')};
    rung_count = 0;
    script_clock_init(&c);
    script_clock_resume(&c);
    const double before = (double)now_mono_ns() / 1e6;
    assert_true(script_clock_mono_ms(&c) >= before - 1);
    script_clock_stop(&c, 5);
    script_clock_add(&c, &b[0].alarm, 0);
    script_clock_add(&c, &b[1].alarm, 0);
    script_clock_stop(&c, 7);
    assert_int_equal((int)(c.wall_ms), 7);
    ilist_remove(&b[0].alarm.node);
    script_clock_resume(&c);
    assert_false(ilist_linked(&b[1].alarm.node));
    assert_false(script_clock_step(&c, 0));
    assert_int_equal(rung_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_in_the_order_of_time),
        cmocka_unit_test(drops_alarms_when_time_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
