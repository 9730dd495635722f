/* SPDX-License-Identifier: Apache-2.0
 *
 * How a command ends: its exit status, the sentence that says what failed, and the one JSON object of --json.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <haya/haya.h>
#include <jansson.h>

#if defined(__GNUC__)
#  define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#else
#  define PRINTF_LIKE(string, first)
#endif

/* Stable: scripts depend on them. */
typedef enum exit_status {
    DONE = 0,
    FAILED = 1,
    WRONG_USAGE = 2,
    MODEL_UNUSABLE = 3,
    OPERATION_UNSUPPORTED = 4,
    STRUCTURES_DIFFER = 5,
    INPUT_UNUSABLE = 6
} exit_status;

void report_set_json(bool json);
bool report_is_json(void);

/* Writes "haya: " and the sentence to stderr and keeps it for --json. Returns `result`. */
exit_status fail(exit_status result, haya_status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same for a failure of the library, which decides the exit status. */
exit_status fail_haya(const haya_error *error);

/* The same for a failure of the inspection library, which is `result` unless memory is lacking. */
exit_status fail_inspection(exit_status result, const haya_error *error);

/* {"status", "message", "node"} of the first failure; NULL where nothing failed. */
json_t *report_failure(void);

/* Prints the object and releases it. */
void report_print(json_t *object);

/* Writes what is left to write; the exit status of the process. */
exit_status report_end(exit_status result);

/* Zeroed memory for `count` elements. Where there is none, reports that and ends the process: for the small things
   that commands keep, not for tensors. */
void *allocate(size_t count, size_t size);

#endif
