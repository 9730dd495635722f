/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of this folder share.
 */
#ifndef HAYA_INSPECTION_FAIL_H
#define HAYA_INSPECTION_FAIL_H

#include <haya/haya.h>

#include "pictures/picture.h"

#if defined(__GNUC__)
#  define INSPECTION_PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#else
#  define INSPECTION_PRINTF_LIKE(string, first)
#endif

/* Writes the sentence to `error`, which may be NULL, and returns the status. */
haya_status inspection_fail(haya_error *error, haya_status status, const char *format, ...)
    INSPECTION_PRINTF_LIKE(3, 4);

/* The same for a failure of the pictures' library. */
haya_status inspection_fail_picture(haya_error *error, const picture_error *why);

/* "[?,256,256,1]" for sentences; "?" where the rank is unknown. */
typedef struct inspection_shape_text {
    char s[128];
} inspection_shape_text;

inspection_shape_text inspection_shape(const haya_shape *shape);

#endif
