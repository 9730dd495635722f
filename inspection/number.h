/* SPDX-License-Identifier: Apache-2.0
 *
 * Single numbers of any type in memory: read, converted, written and summarized.
 */
#ifndef HAYA_INSPECTION_NUMBER_H
#define HAYA_INSPECTION_NUMBER_H

#include <haya/haya.h>

typedef enum number_kind {
    NUMBER_BOOL,
    NUMBER_SIGNED,
    NUMBER_UNSIGNED,
    NUMBER_FLOAT,   /* IEEE 754 of 2, 4 or 8 bytes */
    NUMBER_BFLOAT   /* the upper half of a 4-byte one */
} number_kind;

typedef struct number_type {
    number_kind kind;
    size_t size;
    bool big_endian;
} number_type;

typedef struct number {
    number_kind kind;  /* which member below holds it; NUMBER_BOOL and NUMBER_UNSIGNED: u, NUMBER_BFLOAT: f */
    int64_t i;
    uint64_t u;
    double f;
} number;

bool host_is_big_endian(void);
number_type number_type_of(haya_dtype dtype); /* in the host's byte order */

number number_load(const unsigned char *from, number_type type);

/* False where the type cannot hold the number: integers take integral numbers in their range, bool takes 0 and 1.
   Floating-point types take every number, rounded to nearest, to even in between. */
bool number_store(number n, haya_dtype dtype, void *to);

double number_as_double(number n);

typedef struct number_summary {
    uint64_t count;
    uint64_t nan;
    uint64_t infinite;
    double min, max, mean;   /* of the finite ones; NaN where there are none */
} number_summary;

number_summary numbers_summarize(const void *data, haya_dtype dtype, uint64_t count);

#endif
