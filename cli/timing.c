/* SPDX-License-Identifier: Apache-2.0 */
#include "timing.h"

#include "print.h"

#include <stdlib.h>
#include <string.h>

void durations_add(durations *d, double ms) {
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : 64;
        double *grown = allocate(capacity, sizeof *grown);
        if (d->count > 0) {
            memcpy(grown, d->ms, d->count * sizeof *grown);
        }
        free(d->ms);
        d->ms = grown;
        d->capacity = capacity;
    }
    d->ms[d->count++] = ms;
}

void durations_free(durations *d) {
    free(d->ms);
    *d = (struct durations){0};
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

duration_summary durations_summary(durations *d) {
    size_t count = d->count;
    qsort(d->ms, count, sizeof *d->ms, compare_doubles);
    return (duration_summary){.min = d->ms[0],
                              .median = (d->ms[(count - 1) / 2] + d->ms[count / 2]) / 2,
                              .p90 = d->ms[(count * 9 + 9) / 10 - 1]};
}

json_t *durations_json(durations *d) {
    if (d->count == 0) {
        return json_null();
    }
    duration_summary summary = durations_summary(d);
    return json_pack("{s:o, s:o, s:o}", "min", json_ms(summary.min), "median", json_ms(summary.median), "p90",
                     json_ms(summary.p90));
}
