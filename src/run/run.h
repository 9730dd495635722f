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
    size_t file_first, file_end; /* the part of the file that is read in place */
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

#endif
