/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing down why a call fails. Every function that can fail returns a haya_status and takes the caller's
 * haya_error, which may be NULL. The idiom is
 *
 *     return hy_fail(error, HAYA_ERROR_FORMAT, node, "%s: node '%s': attribute 'dtype' is missing", file, node);
 */
#ifndef HAYA_BASE_ERROR_H
#define HAYA_BASE_ERROR_H

#include <stdarg.h>

#include "haya/haya.h"

#if defined(__GNUC__)
#  define HY_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#  define HY_PRINTF(format_index, first_argument)
#endif

/* vsnprintf for text that people will read: what doesn't fit is cut at a UTF-8 boundary and ends with "...";
   control characters and bytes that are not UTF-8 become '?'. `size` is at least 4. */
void hy_text_format(char *buffer, size_t size, const char *format, va_list arguments) HY_PRINTF(3, 0);

/* Fills `error` (may be NULL) and returns `status`. `node` may be NULL. Message and node are
   made fit to show as by hy_text_format, since file contents may hold anything. The arguments may point into
   `error`. */
haya_status hy_fail(haya_error *error, haya_status status, const char *node, const char *format, ...)
    HY_PRINTF(4, 5);

/* Puts "prefix: " before the message that a lower layer wrote (a file name before a node's error, say). */
void hy_error_prefix(haya_error *error, const char *prefix);

/* HAYA_OK, message and node empty. Public calls do this first. */
void hy_error_clear(haya_error *error);

/* Returns from the enclosing function when `expression` is not HAYA_OK. */
#define HY_TRY(expression)                   \
    do {                                     \
        haya_status hy_status = (expression); \
        if (hy_status != HAYA_OK)            \
            return hy_status;                \
    } while (0)

#endif
