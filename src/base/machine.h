/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine is: instruction sets, floating-point modes, caches, memory, time.
 */
#ifndef HAYA_BASE_MACHINE_H
#define HAYA_BASE_MACHINE_H

#include "base/error.h"

/* In rising order for each family of processors; each includes those of its family before it. */
typedef enum hy_isa {
    HY_ISA_PORTABLE = 0, /* plain C, with what the compiler's baseline gives */
    HY_ISA_SSE42 = 1,    /* x86-64-v2: SSE up to 4.2 */
    HY_ISA_AVX2 = 2,     /* x86-64-v3: AVX2, FMA, F16C */
    HY_ISA_AVX512 = 3,   /* x86-64-v4: AVX-512 F, BW, CD, DQ, VL */
    HY_ISA_NEON = 4,     /* aarch64, which always has it */
    HY_ISA_COUNT
} hy_isa;

/* The best that the processor and operating system have. HAYA_ISA=portable|sse42|avx2|avx512|neon in the environment
   lowers it, never raises it; any other value, or a set of another family, counts as not set. Detected once. */
hy_isa hy_isa_best(void);
const char *hy_isa_name(hy_isa isa); /* "portable", "avx2" */

/* How the calling thread computes: rounding, denormals, traps, and the sticky exception flags. */
typedef struct hy_fp_state {
    uint64_t control;
    uint64_t status; /* where the processor keeps the flags apart */
} hy_fp_state;

/* Saves the thread's modes and sets those that TensorFlow's kernels run with: round to nearest, denormals taken as
   and flushed to zero, no traps. hy_fp_leave puts everything back, flags included. */
void hy_fp_enter(hy_fp_state *saved);
void hy_fp_leave(const hy_fp_state *saved);

/* For threads that compute on another's behalf: read the modes there, take them over here. */
void hy_fp_get(hy_fp_state *state);
void hy_fp_adopt(const hy_fp_state *state);

typedef struct hy_caches {
    size_t l1d, l2, l3; /* bytes, one core's share is not computed; sensible defaults where unknown */
} hy_caches;
const hy_caches *hy_machine_caches(void);

/* Physical memory or the control group's limit, the smaller. */
uint64_t hy_machine_memory(void);

uint64_t hy_clock_nanoseconds(void); /* monotonic */

/* What hosts without callbacks use. `alignment`: a power of two, a multiple of sizeof(void *). */
void *hy_machine_allocate(size_t size, size_t alignment);
void hy_machine_release(void *memory);

#endif
