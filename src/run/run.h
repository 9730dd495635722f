/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights and sessions: what a run brings together with a plan.
 */
#ifndef HAYA_RUN_RUN_H
#define HAYA_RUN_RUN_H

#include "plan/plan.h"

struct haya_weights {
    const haya_program *program;
    haya_model *model;
    const void **externals;   /* per external of the program: into the file, or into `derived` */
    uint8_t *derived;
    size_t derived_bytes;
    atomic_bool fresh;        /* the next run is the first to read them from the mapped file, as far as is known */
};

struct haya_session {
    haya_host host;
    hy_team *team;
    int threads;
    uint8_t *scratch;
    size_t scratch_bytes;
    void (*profile)(void *user, const haya_plan *plan, size_t index, uint64_t nanoseconds);
    void *profile_user;
};

/* ---- intake.c: a model's first run has weights fetched ahead of the steps that use them ---------------------- */

typedef struct hy_intake {
    hy_team *team;
    const haya_plan *plan;
    const haya_weights *weights;
    size_t next;  /* the first step whose weights have not been asked for */
    size_t ahead; /* bytes asked for, of this step and those up to `next` */
} hy_intake;

/* False where nothing needs to be fetched. Of several first runs at once, one does it. */
bool hy_intake_begin(hy_intake *intake, hy_team *team, const haya_plan *plan, const haya_weights *weights);
/* Before each step, in order. Allocates nothing, and cannot fail. */
void hy_intake_step(hy_intake *intake, size_t index);

/* The weights of all steps, without a run. */
void hy_intake_all(hy_team *team, const haya_plan *plan, const haya_weights *weights);
/* The next run counts as the first. */
void hy_weights_refresh(const haya_weights *weights);

#endif
