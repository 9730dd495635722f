/* SPDX-License-Identifier: Apache-2.0
 *
 * A test program is functions and a main:
 *
 *     static void a_scalar_has_one_element(void) {
 *         CHECK_INT(hy_shape_elements(&scalar), 1);
 *     }
 *
 *     int main(void) {
 *         RUN(a_scalar_has_one_element);
 *         return test_summary();
 *     }
 *
 * A failed check prints where and what, and the test goes on; use `if (!CHECK(pointer)) return;` where it can't.
 * Checks may be made on any thread while a test runs.
 */
#ifndef HAYA_TEST_H
#define HAYA_TEST_H

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifdef TEST_SEVERAL_FILES /* of one program: the file with main defines the counts */
extern atomic_int test_failed_checks;
extern int test_passed_count, test_failed_count;
#else
static atomic_int test_failed_checks; /* of the test that runs */
static int test_passed_count, test_failed_count;
#endif

#define FAIL(why) test_check(false, __FILE__, __LINE__, (why))
#define CHECK(condition) test_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(actual, expected) test_int((actual), (expected), __FILE__, __LINE__, #actual)
#define CHECK_STR(actual, expected) test_string((actual), (expected), __FILE__, __LINE__, #actual)
/* `actual` contains `part`. */
#define CHECK_HAS(actual, part) test_contains((actual), (part), __FILE__, __LINE__, #actual)
/* |actual - expected| <= tolerance; NaN is near NaN only. */
#define CHECK_NEAR(actual, expected, tolerance) \
    test_near((actual), (expected), (tolerance), __FILE__, __LINE__, #actual)

#define RUN(name) test_run((name), #name)

/* Not every program uses every kind of check. */
#if defined(__GNUC__)
#  define TEST_HELPER __attribute__((unused)) static
#else
#  define TEST_HELPER static
#endif

TEST_HELPER bool test_check(bool passed, const char *file, int line, const char *text) {
    if (!passed) {
        atomic_fetch_add(&test_failed_checks, 1);
        printf("FAILED %s:%d: %s\n", file, line, text);
    }
    return passed;
}

TEST_HELPER bool test_int(long long actual, long long expected, const char *file, int line, const char *text) {
    bool passed = test_check(actual == expected, file, line, text);
    if (!passed)
        printf("    is %lld, should be %lld\n", actual, expected);
    return passed;
}

TEST_HELPER bool test_string(const char *actual, const char *expected, const char *file, int line,
                             const char *text) {
    bool passed = test_check(actual && expected && strcmp(actual, expected) == 0, file, line, text);
    if (!passed)
        printf("    is \"%s\"\n    should be \"%s\"\n", actual ? actual : "NULL", expected ? expected : "NULL");
    return passed;
}

TEST_HELPER bool test_contains(const char *actual, const char *part, const char *file, int line,
                               const char *text) {
    bool passed = test_check(actual && strstr(actual, part), file, line, text);
    if (!passed)
        printf("    is \"%s\"\n    should contain \"%s\"\n", actual ? actual : "NULL", part);
    return passed;
}

TEST_HELPER bool test_near(double actual, double expected, double tolerance, const char *file, int line,
                           const char *text) {
    bool near = actual == expected || fabs(actual - expected) <= tolerance || (isnan(actual) && isnan(expected));
    bool passed = test_check(near, file, line, text);
    if (!passed)
        printf("    is %.9g, should be %.9g within %.3g\n", actual, expected, tolerance);
    return passed;
}

TEST_HELPER void test_run(void (*test)(void), const char *name) {
    atomic_store(&test_failed_checks, 0);
    test();
    if (atomic_load(&test_failed_checks) == 0) {
        printf("ok %s\n", name);
        test_passed_count++;
    } else {
        printf("FAILED %s\n", name);
        test_failed_count++;
    }
    fflush(stdout);
}

TEST_HELPER int test_summary(void) {
    printf("%d passed, %d failed\n", test_passed_count, test_failed_count);
    return test_failed_count ? 1 : 0;
}

#endif
