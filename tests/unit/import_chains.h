/* Which modules of a route DGate calls: what src/change/ and js/runtime/ must agree on. */
#ifndef UNIT_IMPORT_CHAINS_H
#define UNIT_IMPORT_CHAINS_H

struct import_chain {
    const char *modules; /* in the route's order, each a letter and those that it imports */
    const char *called;  /* the others are libraries */
};

static const struct import_chain IMPORT_CHAINS[] = {
    {"a b c", "abc"},
    {"a:b b c", "ac"},
    {"a b:a", "b"},
    {"a:b b:c c", "a"},
    {"a:a b", "ab"},
    /* a circle that nothing else imports */
    {"a:b b:a", "ab"},
    {"b:a a:b", "ba"},
    {"a:b b:a c", "abc"},
    {"c a:b b:a", "cab"},
    {"a:b b:c c:a d", "abcd"},
    {"a:b b:a c:d d:c", "abcd"},
    {"a:b b:ac c:ab", "abc"},
    /* what it imports is a library, */
    {"a:b b:ac c", "ab"},
    {"a:b b:ac c:d d:c", "ab"},
    /* and so are all of a circle that another module imports */
    {"a:b b:a c:b", "c"},
    {"a:b b:c c:b", "a"},
    {"a:b b:a c:a d:c e", "de"},
};

#endif
