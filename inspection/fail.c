/* SPDX-License-Identifier: Apache-2.0 */
#include "fail.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

haya_status inspection_fail(haya_error *error, haya_status status, const char *format, ...) {
    if (error) {
        *error = (haya_error){.status = status};
        va_list values;
        va_start(values, format);
        vsnprintf(error->message, sizeof error->message, format, values);
        va_end(values);
    }
    return status;
}

haya_status inspection_fail_picture(haya_error *error, const picture_error *why) {
    static const haya_status statuses[] = {
        [PICTURE_IO] = HAYA_ERROR_IO,
        [PICTURE_FORMAT] = HAYA_ERROR_FORMAT,
        [PICTURE_UNSUPPORTED] = HAYA_ERROR_FORMAT,
        [PICTURE_TOO_LARGE] = HAYA_ERROR_LIMIT,
        [PICTURE_MEMORY] = HAYA_ERROR_MEMORY,
    };
    return inspection_fail(error, statuses[why->status], "%s", why->message);
}

inspection_shape_text inspection_shape(const haya_shape *shape) {
    inspection_shape_text to = {"?"};
    if (shape->rank < 0) {
        return to;
    }
    size_t used = (size_t)snprintf(to.s, sizeof to.s, "[");
    for (int32_t i = 0; i < shape->rank && i < HAYA_MAX_RANK && used < sizeof to.s; i++) {
        const char *comma = i > 0 ? "," : "";
        int more = shape->dims[i] < 0
                       ? snprintf(to.s + used, sizeof to.s - used, "%s?", comma)
                       : snprintf(to.s + used, sizeof to.s - used, "%s%" PRId64, comma, shape->dims[i]);
        used += (size_t)more;
    }
    if (used < sizeof to.s) {
        snprintf(to.s + used, sizeof to.s - used, "]");
    }
    return to;
}
