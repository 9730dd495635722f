/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "output_file.h"
#include "print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool json;
    bool printed;
    bool failed;
    haya_error error;
} report;

void report_set_json(bool json) {
    report.json = json;
}

bool report_is_json(void) {
    return report.json;
}

static void write_failure(const haya_error *error) {
    progress_clear();
    fprintf(stderr, "haya: ");
    print_text(stderr, error->message);
    fputc('\n', stderr);
    if (!report.failed) {
        report.failed = true;
        report.error = *error;
    }
}

exit_status fail(exit_status result, haya_status status, const char *format, ...) {
    haya_error error = {.status = status};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    write_failure(&error);
    return result;
}

exit_status fail_haya(const haya_error *error) {
    write_failure(error);
    switch (error->status) {
    case HAYA_ERROR_IO:
    case HAYA_ERROR_FORMAT:
    case HAYA_ERROR_FILE_CHANGED:
        return MODEL_UNUSABLE;
    case HAYA_ERROR_UNSUPPORTED:
        return OPERATION_UNSUPPORTED;
    case HAYA_ERROR_STRUCTURE:
        return STRUCTURES_DIFFER;
    case HAYA_ERROR_SHAPE:
    case HAYA_ERROR_VALUE:
        return INPUT_UNUSABLE;
    case HAYA_ERROR_NOT_FOUND: /* names come from the command line */
        return WRONG_USAGE;
    default:
        return FAILED;
    }
}

exit_status fail_inspection(exit_status result, const haya_error *error) {
    write_failure(error);
    return error->status == HAYA_ERROR_MEMORY ? FAILED : result;
}

json_t *report_failure(void) {
    if (!report.failed) {
        return NULL;
    }
    return json_pack("{s:s, s:o, s:o}", "status", haya_status_name(report.error.status), "message",
                     json_text(report.error.message), "node", json_text(report.error.node));
}

void report_print(json_t *object) {
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', stdout);
    json_decref(object);
    report.printed = true;
}

exit_status report_end(exit_status result) {
    progress_clear();
    if (report.json && report.failed && !report.printed) {
        report_print(json_pack("{s:o}", "error", report_failure()));
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && result == DONE) {
        return fail(FAILED, HAYA_ERROR_IO, "standard output cannot be written");
    }
    return result;
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) {
        output_files_discard();
        exit(report_end(fail(FAILED, HAYA_ERROR_MEMORY, "out of memory")));
    }
    return memory;
}
