/* SPDX-License-Identifier: Apache-2.0
 *
 * The area under the ROC curve, against counting all pairs.
 */
#include "demo/roc.h"
#include "test.h"

#include <stdlib.h>

enum { MOST = 400 };

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

static double area_of(const double *scores, const uint8_t *truth, size_t count) {
    double area = -1;
    CHECK(roc_area(scores, truth, count, &area));
    return area;
}

/* What the area is by definition, by all pairs. */
static double by_all_pairs(const double *scores, const uint8_t *truth, size_t count) {
    double above = 0, pairs = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count && truth[i]; k++) {
            if (!truth[k]) {
                above += scores[i] > scores[k] ? 1 : scores[i] == scores[k] ? 0.5 : 0;
                pairs++;
            }
        }
    }
    return above / pairs;
}

static void random_scores_are_counted_exactly(void) {
    double scores[MOST];
    uint8_t truth[MOST];
    for (int round = 0; round < 300; round++) {
        size_t count = 2 + random_below(MOST - 1);
        uint32_t levels = round % 3 == 0 ? 3 : round % 3 == 1 ? 50 : 1000000; /* many ties, some, hardly any */
        for (size_t i = 0; i < count; i++) {
            truth[i] = i == 0 ? 255 : i == 1 ? 0 : (uint8_t)random_below(2);
            scores[i] = (double)random_below(levels) / levels - round % 2;
        }
        CHECK_NEAR(area_of(scores, truth, count), by_all_pairs(scores, truth, count), 0);
    }
}

static void perfect_and_reversed_order_are_one_and_zero(void) {
    const double scores[] = {0.9, 0.1, 0.8, 0.2, -3.0};
    CHECK_NEAR(area_of(scores, (const uint8_t[]){1, 0, 1, 0, 0}, 5), 1, 0);
    CHECK_NEAR(area_of(scores, (const uint8_t[]){0, 1, 0, 1, 1}, 5), 0, 0);
}

static void equal_scores_are_a_half(void) {
    const double scores[] = {0.5, 0.5, 0.5, 0.5, 0.5};
    CHECK_NEAR(area_of(scores, (const uint8_t[]){1, 0, 1, 0, 0}, 5), 0.5, 0);
    const double zeros[] = {0.0, -0.0}; /* equal, as numbers are */
    CHECK_NEAR(area_of(zeros, (const uint8_t[]){1, 0}, 2), 0.5, 0);
}

static void infinities_are_scores(void) {
    const double scores[] = {INFINITY, 3.0, -INFINITY, 3.0};
    CHECK_NEAR(area_of(scores, (const uint8_t[]){1, 1, 0, 0}, 4), 0.875, 0);
}

static void without_two_kinds_there_is_no_area(void) {
    const double scores[] = {0.1, 0.2};
    CHECK(isnan(area_of(scores, (const uint8_t[]){0, 0}, 2)));
    CHECK(isnan(area_of(scores, (const uint8_t[]){1, 1}, 2)));
    CHECK(isnan(area_of(scores, (const uint8_t[]){1}, 0)));
}

static void what_is_not_a_number_has_no_rank(void) {
    const double scores[] = {0.1, NAN, 0.3};
    CHECK(isnan(area_of(scores, (const uint8_t[]){0, 1, 1}, 3)));
    CHECK(isnan(area_of(scores, (const uint8_t[]){1, 0, 0}, 3)));
}

/* More pairs than 32 bits count, and an area that is known: scores 0..n-1, every second one true. */
static void a_million_pixels_do_not_overflow(void) {
    const size_t count = 1 << 20;
    double *scores = malloc(count * sizeof *scores);
    uint8_t *truth = malloc(count);
    if (CHECK(scores && truth)) {
        for (size_t i = 0; i < count; i++) {
            size_t shuffled = i * 7919 % count; /* 7919 is odd: each place once */
            scores[shuffled] = (double)i;
            truth[shuffled] = i % 2 == 1;
        }
        /* The k-th true one of m is above k + 1 of m others: (m + 1) / 2m. */
        double half = (double)count / 2;
        CHECK_NEAR(area_of(scores, truth, count), (half + 1) / (2 * half), 1e-15);
    }
    free(scores);
    free(truth);
}

int main(void) {
    RUN(random_scores_are_counted_exactly);
    RUN(perfect_and_reversed_order_are_one_and_zero);
    RUN(equal_scores_are_a_half);
    RUN(infinities_are_scores);
    RUN(without_two_kinds_there_is_no_area);
    RUN(what_is_not_a_number_has_no_rank);
    RUN(a_million_pixels_do_not_overflow);
    return test_summary();
}
