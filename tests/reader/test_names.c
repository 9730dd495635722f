/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/names.h"

#include "reading.h"

/* Starts a set with the default host; false when there is no memory. */
static bool start(hy_names *names, size_t count) {
    haya_host host;
    haya_error error;
    hy_host_resolve(NULL, &host, &error);
    hy_names_init(names, &host);
    return CHECK(hy_names_reset(names, count));
}

static void names_are_found_again(void) {
    enum { COUNT = 10000 };
    static char text[COUNT][8];
    hy_names names;
    if (!start(&names, COUNT))
        return;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(text[i], sizeof text[i], "%zu", i);
        size_t index = i;
        CHECK_INT(hy_names_add(&names, text[i], &index), HY_NAMES_ADDED);
    }
    for (size_t i = 0; i < COUNT; i++) {
        char copy[8];
        memcpy(copy, text[i], sizeof copy);
        size_t index = COUNT;
        CHECK_INT(hy_names_add(&names, copy, &index), HY_NAMES_FOUND);
        CHECK_INT((long long)index, (long long)i);
        CHECK(hy_names_find(&names, copy, &index));
    }
    size_t unused;
    CHECK(!hy_names_find(&names, "absent", &unused));
    CHECK(hy_names_reset(&names, 3));
    CHECK(!hy_names_find(&names, "1", &unused));
    hy_names_free(&names);
}

static void a_full_set_refuses(void) {
    static char text[100][8];
    hy_names names;
    hy_names_result result = HY_NAMES_ADDED;
    if (!start(&names, 10))
        return;
    for (size_t i = 0; i < 100; i++) {
        snprintf(text[i], sizeof text[i], "%zu", i);
        size_t index = i;
        result = hy_names_add(&names, text[i], &index);
        if (i < 10)
            CHECK_INT(result, HY_NAMES_ADDED);
    }
    CHECK_INT(result, HY_NAMES_REFUSED);
    hy_names_free(&names);
}

/* Names whose hashes fall together, which take knowledge of the hash: FNV-1a of 64 bits, folded. */
static bool collides(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return ((hash ^ hash >> 32) & 0xfff) == 0;
}

static void names_made_to_collide_are_refused(void) {
    enum { COUNT = 1500 };
    static char text[COUNT][12];
    hy_names names;
    if (!start(&names, COUNT))
        return;
    size_t found = 0, refused = 0;
    for (unsigned i = 0; found < COUNT; i++) {
        snprintf(text[found], sizeof text[found], "%x", i);
        if (!collides(text[found]))
            continue;
        size_t index = found;
        refused += hy_names_add(&names, text[found++], &index) == HY_NAMES_REFUSED;
    }
    CHECK_INT((long long)refused, COUNT - 1024);
    hy_names_free(&names);
}

int main(void) {
    RUN(names_are_found_again);
    RUN(a_full_set_refuses);
    RUN(names_made_to_collide_are_refused);
    return test_summary();
}
