/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine can do at most.
 */
#include "run/run.h"

enum {
    burst_nanoseconds = 1000 * 1000,    /* so long that starting doesn't count, so short that some are not disturbed */
    all_nanoseconds = 30 * 1000 * 1000, /* processors need some milliseconds to reach their speed */
    tasks_of_a_thread = 4
};

typedef struct peak_job {
    const hy_peak *peak;
    int64_t rounds;
} peak_job;

static void peak_task(void *argument, int64_t index, int worker)
{
    const peak_job *job = argument;
    volatile float sum = job->peak->run(job->rounds);
    (void)sum, (void)index, (void)worker;
}

double haya_session_measure_peak(haya_session *session)
{
    peak_job job = {.peak = hy_kernel_peak(hy_isa_best()), .rounds = 1000};
    int64_t tasks = (int64_t)session->threads * tasks_of_a_thread;
    double best = 0;
    hy_fp_state state;
    hy_fp_enter(&state);
    for (uint64_t begin = hy_clock_nanoseconds(), now = begin; now - begin < all_nanoseconds;) {
        uint64_t start = now;
        hy_team_run(session->team, peak_task, &job, tasks);
        now = hy_clock_nanoseconds();
        uint64_t taken = now > start ? now - start : 1;
        double reached = (double)(tasks * job.rounds * job.peak->flops) / (double)taken;
        best = reached > best ? reached : best;
        if (taken < burst_nanoseconds)
            job.rounds *= 2;
    }
    hy_fp_leave(&state);
    return best * 1e9;
}
