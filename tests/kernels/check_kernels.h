/* SPDX-License-Identifier: Apache-2.0
 *
 * Between check_kernels.c, which has main, and the tests of each family: what they are called, what they tell it of
 * the kernels' errors, and threads.
 */
#ifndef HAYA_TESTS_KERNELS_CHECK_KERNELS_H
#define HAYA_TESTS_KERNELS_CHECK_KERNELS_H

#include "kernels/kernels.h"

#define TEST_SEVERAL_FILES
#include "test.h"

void binary_tests(void);
void cast_tests(void);
void convolution_tests(void);
void copy_tests(void);
void gather_tests(void);
void matmul_tests(void);
void pool_tests(void);
void reduce_tests(void);
void resize_tests(void);
void scale_shift_tests(void);
void select_tests(void);
void softmax_tests(void);
void unary_tests(void);

/* Times kernels on common shapes; `part` of a shape's or kernel's name, or an instruction set. */
void bench_kernels(int threads, const char *part);

/* ---- Scores: what the table tells of each kernel ------------------------------------------------------------- */

/* The kernel is to be run on another call; what follows is told of that. */
void score_call(const hy_kernel *kernel);

/* One element of the call's result. What is not finite, or to be so, is left out: tests compare it otherwise. */
void score_element(double actual, double expected, double tolerance);

/* The relative L2 error of the whole result, from a test that computes it. */
void score_error(double error, double tolerance);

/* What the kernel gave and the test has compared with what it expects. A float32 result is also compared with what
   the portable kernel of the same name gives for the call. */
void score_output(const hy_view *view, const void *memory);

/* ---- Threads ------------------------------------------------------------------------------------------------- */

enum { MOST_THREADS = 8 };

/* Made once for the program. */
hy_team *team_of(int threads);

#endif
