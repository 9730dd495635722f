/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TIMING_H
#define CLI_TIMING_H

#include "report.h"
#include "system/clock.h"

/* Durations of runs, in milliseconds. */
typedef struct durations {
    double *ms;
    size_t count;
    size_t capacity;
} durations;

typedef struct duration_summary {
    double min, median, p90;
} duration_summary;

void durations_add(durations *d, double ms);
void durations_free(durations *d);

/* Sorts the durations, of which there must be some. */
duration_summary durations_summary(durations *d);

/* {"min", "median", "p90"}; null without durations. */
json_t *durations_json(durations *d);

#endif
