/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders that are watched: what is told, and when it is not.
 */
#define _GNU_SOURCE /* scratch.h */
#include "system/watch.h"

#include "system/clock.h"

#include "../base/scratch.h"
#include "../test.h"

#include <math.h>
#include <pthread.h>

enum { PATIENCE_MS = 5000, QUIET_MS = 200 };

static char told[4096];

static void on_change(void *user, const char *name) {
    (void)user;
    char marked[128];
    snprintf(marked, sizeof marked, "<%s>", name ? name : "any");
    if (!strstr(told, marked) && strlen(told) + strlen(marked) < sizeof told) {
        strcat(told, marked);
    }
}

/* What is told within a while; the wait ends with the first. */
static const char *wait_told(watch *w) {
    told[0] = '\0';
    double end = clock_ms() + PATIENCE_MS;
    while (!told[0] && clock_ms() < end) {
        watch_wait(w, 100, on_change, NULL);
    }
    return told;
}

static const char *wait_quietly(watch *w) {
    told[0] = '\0';
    watch_wait(w, QUIET_MS, on_change, NULL);
    return told;
}

static const char *folder(const char *name) {
    const char *path = scratch_path(name);
    CHECK(mkdir(path, 0777) == 0);
    return path;
}

static void add_all(watch *w, const char *const *names, size_t count) {
    watch_begin(w);
    for (size_t i = 0; i < count; i++) {
        CHECK(watch_add(w, scratch_path(names[i]), names[i]));
    }
    watch_end(w);
}

static void what_happens_in_a_folder_is_told_by_its_name(void) {
    static const char *const names[] = {"one", "two"};
    char file[512], other[512];
    watch *w = watch_create(8);
    folder("one");
    folder("two");
    add_all(w, names, 2);
    CHECK_STR(wait_quietly(w), "");
    snprintf(file, sizeof file, "%s/new", scratch_path("one"));
    snprintf(other, sizeof other, "%s/moved", scratch_path("two"));
    scratch_fill(file, 1, 10);
    CHECK_STR(wait_told(w), "<one>");
    wait_quietly(w);
    scratch_fill(file, 2, 10); /* over what is there */
    CHECK_STR(wait_told(w), "<one>");
    wait_quietly(w);
    CHECK(rename(file, other) == 0);
    CHECK_STR(wait_told(w), "<one><two>");
    wait_quietly(w);
    CHECK(remove(other) == 0);
    CHECK_STR(wait_told(w), "<two>");
    watch_free(w);
}

static void what_is_not_added_again_is_let_go(void) {
    static const char *const names[] = {"kept", "left"}, *const later[] = {"kept"};
    char file[512];
    watch *w = watch_create(2);
    folder("kept");
    folder("left");
    for (int i = 0; i < 3; i++) {
        add_all(w, names, 2); /* which takes no more room than once */
        CHECK(watch_count(w) == 2);
    }
    watch_begin(w);
    CHECK(!watch_add(w, scratch_directory, "a third"));
    CHECK(watch_add(w, scratch_path("kept"), "another name"));
    CHECK(watch_add(w, scratch_path("left"), "left"));
    watch_end(w);
    add_all(w, later, 1);
    CHECK(watch_count(w) == 1);
    snprintf(file, sizeof file, "%s/new", scratch_path("left"));
    scratch_fill(file, 1, 1);
    CHECK_STR(wait_quietly(w), "");
    snprintf(file, sizeof file, "%s/new", scratch_path("kept"));
    scratch_fill(file, 1, 1);
    CHECK_STR(wait_told(w), "<kept>");
    watch_free(w);
}

static void a_folder_that_is_gone_makes_room(void) {
    static const char *const names[] = {"gone"}, *const others[] = {"back"};
    watch *w = watch_create(1);
    folder("gone");
    folder("back");
    add_all(w, names, 1);
    CHECK(rmdir(scratch_path("gone")) == 0);
    CHECK_STR(wait_told(w), "<gone>");
    wait_quietly(w);
    CHECK(watch_count(w) == 0);
    add_all(w, others, 1);
    CHECK(watch_count(w) == 1);
    watch_begin(w);
    CHECK(!watch_add(w, scratch_path("gone"), "gone"));
    watch_end(w);
    watch_free(w);
}

static void *wake(void *user) {
    watch_wake(user);
    return NULL;
}

static void a_wait_ends_when_woken_or_over(void) {
    watch *w = watch_create(1);
    pthread_t thread;
    double start = clock_ms();
    watch_wait(w, 150, NULL, NULL);
    CHECK(clock_ms() - start >= 140);
    watch_wake(w); /* before the wait counts, too */
    start = clock_ms();
    watch_wait(w, PATIENCE_MS, NULL, NULL);
    CHECK(pthread_create(&thread, NULL, wake, w) == 0);
    watch_wait(w, PATIENCE_MS, NULL, NULL);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(clock_ms() - start < PATIENCE_MS);
    for (int i = 0; i < 100000; i++) {
        watch_wake(w); /* never waits for who reads */
    }
    watch_free(w);
}

static void the_clocks_agree_with_the_calendar(void) {
    double seconds = clock_seconds(), ms = clock_ms();
    struct timespec then = clock_in_ms(2750);
    CHECK(fabs((double)then.tv_sec + (double)then.tv_nsec / 1e9 - seconds - 2.75) < 1);
    CHECK(then.tv_nsec >= 0 && then.tv_nsec < 1000000000);
    CHECK(fabs(seconds - (double)time(NULL)) < 2);
    CHECK(clock_ms() >= ms);
}

int main(void) {
    scratch_create();
    RUN(what_happens_in_a_folder_is_told_by_its_name);
    RUN(what_is_not_added_again_is_let_go);
    RUN(a_folder_that_is_gone_makes_room);
    RUN(a_wait_ends_when_woken_or_over);
    RUN(the_clocks_agree_with_the_calendar);
    return test_summary();
}
