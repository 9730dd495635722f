/* SPDX-License-Identifier: Apache-2.0
 *
 * What time it is, for programs that measure and for those that wait.
 */
#ifndef HAYA_SYSTEM_CLOCK_H
#define HAYA_SYSTEM_CLOCK_H

#include <time.h>

/* Milliseconds of a clock that only goes forward. */
double clock_ms(void);

/* Seconds since 1970. */
double clock_seconds(void);

/* The time in so many milliseconds, by the clock that pthread_cond_timedwait goes by. */
struct timespec clock_in_ms(int milliseconds);

#endif
