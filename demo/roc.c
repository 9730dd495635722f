/* SPDX-License-Identifier: Apache-2.0 */
#include "roc.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Both sorted. Twice the number of pairs in which the true one is above, ties counted half. */
static uint64_t twice_pairs_above(const double *true_scores, size_t true_count, const double *others,
                                  size_t other_count) {
    uint64_t twice = 0;
    size_t below = 0, not_above = 0; /* of the others, seen from the true score that is looked at */
    for (size_t i = 0; i < true_count; i++) {
        while (below < other_count && others[below] < true_scores[i]) {
            below++;
        }
        while (not_above < other_count && others[not_above] <= true_scores[i]) {
            not_above++;
        }
        twice += below + not_above;
    }
    return twice;
}

bool roc_area(const double *scores, const uint8_t *truth, size_t count, double *area) {
    /* True scores from the front, the others from the back. */
    double *apart = malloc((count ? count : 1) * sizeof *apart);
    size_t true_count = 0, first_other = count;
    bool numbers = true;
    *area = NAN;
    if (!apart) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        numbers = numbers && !isnan(scores[i]);
        apart[truth[i] ? true_count++ : --first_other] = scores[i];
    }
    size_t other_count = count - first_other;
    if (numbers && true_count > 0 && other_count > 0) {
        qsort(apart, true_count, sizeof *apart, ascending);
        qsort(apart + first_other, other_count, sizeof *apart, ascending);
        uint64_t twice = twice_pairs_above(apart, true_count, apart + first_other, other_count);
        *area = (double)twice / 2 / ((double)true_count * (double)other_count);
    }
    free(apart);
    return true;
}
