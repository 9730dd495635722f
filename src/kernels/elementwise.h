/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise families write one function on dense arrays; this brings views of any strides to it. Operands that
 * are dense are passed as they lie, others through small tiles on the stack, which stay in the first-level cache.
 */
#ifndef HAYA_KERNELS_ELEMENTWISE_H
#define HAYA_KERNELS_ELEMENTWISE_H

#include "kernels/loops.h"

/* out[i] = f(in[0][i], ...) for n elements, all dense; out is either one of the inputs or overlaps none. Returns
   NULL, or why the data can't be computed with. */
typedef const char *hy_dense_function(const void *context, void *out, const void *const *in, int64_t n);

typedef enum hy_cost {
    HY_COST_MEMORY, /* as fast as memory: tasks of many elements */
    HY_COST_COMPUTE /* some nanoseconds an element: smaller tasks */
} hy_cost;

/* Applies `function` to all elements of a call with one to three inputs of out's dims. Work is cut at multiples
   of the same number of elements whatever the threads. Returns the first failure that a task met. */
const char *hy_elementwise_run(const hy_call *call, const void *const *in, void *out, hy_team *team,
                               hy_dense_function *function, const void *context, hy_cost cost);

#endif
