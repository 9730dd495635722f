/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions: threads and one scratch that plans take turns in.
 */
#include <string.h>

#include "run/run.h"

static haya_status check_options(const haya_session_options *options, haya_error *error)
{
    if (!options)
        return HAYA_OK;
    if (options->struct_size != sizeof *options)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_session_options.struct_size is %u, not %zu",
                       options->struct_size, sizeof *options);
    if (options->threads < 0 || options->threads > HY_MAX_THREADS)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_session_options.threads is %d; 0 to %d are possible",
                       options->threads, HY_MAX_THREADS);
    if (options->executor.run && options->executor.threads < 1)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "haya_executor.threads is %d", options->executor.threads);
    return HAYA_OK;
}

static int thread_count(const haya_session_options *options)
{
    if (options && options->executor.run)
        return options->executor.threads < HY_MAX_THREADS ? options->executor.threads : HY_MAX_THREADS;
    return options && options->threads ? options->threads : hy_threads_available();
}

haya_status haya_session_create(const haya_session_options *options, haya_session **result, haya_error *error)
{
    hy_error_clear(error);
    if (!result)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "session is NULL: there is nowhere to put the session");
    *result = NULL;
    HY_TRY(check_options(options, error));
    haya_host host;
    HY_TRY(hy_host_resolve(options ? &options->host : NULL, &host, error));
    haya_session *session = hy_alloc(&host, sizeof *session);
    if (!session)
        return hy_out_of_memory(error, "session");
    *session = (haya_session){.host = host, .threads = thread_count(options)};
    if (options) {
        session->profile = options->profile;
        session->profile_user = options->profile_user;
    }
    haya_status status = hy_team_create(session->threads, options && options->executor.run ? &options->executor : NULL,
                                        &host, &session->team, error);
    if (status != HAYA_OK) {
        hy_free(&host, session, sizeof *session);
        return status;
    }
    *result = session;
    return HAYA_OK;
}

void haya_session_free(haya_session *session)
{
    if (!session)
        return;
    haya_host host = session->host;
    hy_team_free(session->team);
    hy_free(&host, session->scratch, session->scratch_bytes);
    hy_free(&host, session, sizeof *session);
}

int32_t haya_session_threads(const haya_session *session)
{
    return session->threads;
}

/* Pages that were never touched are faulted in by the kernel one by one; better here, by all threads, than in the first
   run. */
#define TOUCH_BYTES ((size_t)1 << 20)

typedef struct touch {
    uint8_t *memory;
    size_t bytes;
} touch;

static void touch_pages(void *argument, int64_t index, int worker)
{
    const touch *t = argument;
    size_t first = (size_t)index * TOUCH_BYTES;
    size_t bytes = t->bytes - first < TOUCH_BYTES ? t->bytes - first : TOUCH_BYTES;
    memset(t->memory + first, 0, bytes);
    (void)worker;
}

haya_status haya_session_reserve(haya_session *session, const haya_plan *plan, haya_error *error)
{
    hy_error_clear(error);
    if (!session || !plan)
        return hy_fail(error, HAYA_ERROR_ARGUMENT, NULL, "session or plan is NULL");
    size_t bytes = hy_plan_scratch(plan, session->threads);
    if (bytes <= session->scratch_bytes)
        return HAYA_OK;
    uint8_t *scratch = hy_alloc(&session->host, bytes);
    if (!scratch)
        return hy_fail(error, HAYA_ERROR_MEMORY, NULL, "out of memory: %zu bytes of scratch", bytes);
    hy_free(&session->host, session->scratch, session->scratch_bytes);
    session->scratch = scratch;
    session->scratch_bytes = bytes;
    hy_team_run(session->team, touch_pages, &(touch){scratch, bytes},
                (int64_t)((bytes + TOUCH_BYTES - 1) / TOUCH_BYTES));
    return HAYA_OK;
}
