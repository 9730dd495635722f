/* SPDX-License-Identifier: Apache-2.0
 *
 * A team of threads that runs one loop at a time, and nothing else. Tasks are handed out one by one (dynamic), so that
 * an unlucky core doesn't hold up the rest; results must therefore not depend on who runs what.
 */
#ifndef HAYA_BASE_THREADS_H
#define HAYA_BASE_THREADS_H

#include "base/memory.h"

#define HY_MAX_THREADS HAYA_MAX_THREADS

typedef struct hy_team hy_team;

/* `threads` counts the caller, 1 .. HY_MAX_THREADS. With executor->run set (executor may be NULL) no thread is
   created, loops go there, and the team has the smaller of `threads` and executor->threads. */
haya_status hy_team_create(int threads, const haya_executor *executor, const haya_host *host, hy_team **team,
                           haya_error *error);
void hy_team_free(hy_team *team); /* NULL is fine */
int hy_team_size(const hy_team *team); /* 1 for NULL */

/* task(argument, index, worker) for each index in 0 .. count - 1; worker is 0 .. hy_team_size - 1 and unique among
   tasks that run at the same time: it picks a slice of scratch. Returns when all are done. A NULL team runs them in
   order on the caller. Never nested. Allocates nothing. Tasks run with the caller's floating-point modes.

   All teams of the process together keep to the threads that the process may use: a loop that starts while others
   run takes fewer helpers, or none. Only a team made larger than that on purpose uses all its threads when it is
   alone. */
typedef void hy_task(void *argument, int64_t index, int worker);
void hy_team_run(hy_team *team, hy_task *task, void *argument, int64_t count);

/* Threads that this process may use: affinity and control group quota, rounded up, at most HY_MAX_THREADS. */
int hy_threads_available(void);

#endif
