/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program needs anywhere: sentences of failure, memory, numbers as text.
 */
#ifndef DEMO_PROGRAM_H
#define DEMO_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#  define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#else
#  define PRINTF_LIKE(string, first)
#endif

#define PROGRAM_NAME "haya-demo"

/* Writes one sentence to stderr and returns false. */
bool fail(const char *format, ...) PRINTF_LIKE(1, 2);

/* Zeroed memory; where there is none, says so and ends the program. */
void *allocate(size_t count, size_t size);

/* A string to be freed. */
char *text(const char *format, ...) PRINTF_LIKE(1, 2);

const char *file_name(const char *path); /* what follows the last slash */

/* The string, to be freed, fit for a page or JSON: control characters, and where it is not UTF-8 all bytes that are
   not ASCII, become '?'. */
char *clean_text(const char *string);

/* Milliseconds of a clock that only goes forward. */
double now_ms(void);

typedef struct label {
    char s[32];
} label;

label text_ms(double ms);      /* "0.254 ms", "15.7 ms"; "-" for NaN */
label text_area(double area);  /* "0.998"; "-" for NaN, where there was nothing to compare. 1.000 is 1 alone */
label text_score(double score);

#endif
