/* SPDX-License-Identifier: Apache-2.0
 *
 * A thin vector header on the compilers' vector extensions. Each family's source is compiled once for each
 * instruction set (see meson.build) with HY_BUILD_ISA set to its name; it sees vectors of HY_LANES floats and exports
 * one table, hy_kernels_<family>_<isa>, that registry.c collects.
 */
#ifndef HAYA_KERNELS_VEC_H
#define HAYA_KERNELS_VEC_H

#include <string.h>

#include "kernels/kernels.h"

#ifndef HY_BUILD_ISA
#  define HY_BUILD_ISA portable
#endif

#define HY_JOIN_(name, isa) name##_##isa
#define HY_JOIN(name, isa) HY_JOIN_(name, isa)
/* hy_kernels_copy -> hy_kernels_copy_avx2 */
#define HY_ISA_SYMBOL(name) HY_JOIN(name, HY_BUILD_ISA)

/* The hy_isa that this translation unit is built for. */
#define HY_ISA_VALUE_portable HY_ISA_PORTABLE
#define HY_ISA_VALUE_sse42 HY_ISA_SSE42
#define HY_ISA_VALUE_avx2 HY_ISA_AVX2
#define HY_ISA_VALUE_avx512 HY_ISA_AVX512
#define HY_ISA_VALUE_neon HY_ISA_NEON
#define HY_ISA_THIS HY_JOIN(HY_ISA_VALUE, HY_BUILD_ISA)

/* Whether this is the build for NEON: unlike AVX, it can't be told by what the compiler may use. */
#define HY_IS_NEON_portable 0
#define HY_IS_NEON_sse42 0
#define HY_IS_NEON_avx2 0
#define HY_IS_NEON_avx512 0
#define HY_IS_NEON_neon 1
#define HY_NEON HY_JOIN(HY_IS_NEON, HY_BUILD_ISA)

#if defined(__AVX2__)
#  include <immintrin.h>
#elif HY_NEON
#  include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#  define HY_LANES 16
#elif defined(__AVX2__)
#  define HY_LANES 8
#else
#  define HY_LANES 4
#endif

/* Elements at any byte alignment: what operands are read and written through. */
typedef float hy_f32 __attribute__((aligned(1), may_alias));
typedef double hy_f64 __attribute__((aligned(1), may_alias));
typedef int32_t hy_i32 __attribute__((aligned(1), may_alias));
typedef int64_t hy_i64 __attribute__((aligned(1), may_alias));
typedef uint16_t hy_u16 __attribute__((aligned(1), may_alias));

/* HY_LANES floats, and the masks that comparisons of them give. */
typedef float hy_vf __attribute__((vector_size(HY_LANES * 4)));
typedef int32_t hy_vi __attribute__((vector_size(HY_LANES * 4)));

static inline hy_vf hy_vf_load(const void *from)
{
    hy_vf v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void hy_vf_store(void *to, hy_vf v)
{
    memcpy(to, &v, sizeof v);
}

static inline hy_vf hy_vf_splat(float x)
{
    return x - (hy_vf){0};
}

/* mask lane all ones: a, zero: b */
static inline hy_vf hy_vf_select(hy_vi mask, hy_vf a, hy_vf b)
{
    return (hy_vf)((mask & (hy_vi)a) | (~mask & (hy_vi)b));
}

/* a * b + c, rounded once where the instruction set can. */
static inline hy_vf hy_vf_fma(hy_vf a, hy_vf b, hy_vf c)
{
#if defined(__AVX512F__)
    return (hy_vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (hy_vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif HY_NEON
    return (hy_vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

#if defined(__AVX2__) && !defined(__AVX512F__)
static inline __m256i hy_vf_part_mask(int64_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

/* The first `count` (0 .. HY_LANES) floats; the other lanes are 0. Never reads beyond. */
static inline hy_vf hy_vf_load_part(const void *from, int64_t count)
{
#if defined(__AVX512F__)
    return (hy_vf)_mm512_maskz_loadu_ps((__mmask16)((1U << count) - 1), from);
#elif defined(__AVX2__)
    return (hy_vf)_mm256_maskload_ps(from, hy_vf_part_mask(count));
#else
    hy_vf v = {0};
    const hy_f32 *floats = from;
    if (count >= 4)
        return hy_vf_load(from);
    if (count & 2)
        memcpy(&v, from, 8);
    if (count == 3)
        v[2] = floats[2];
    else if (count == 1)
        v[0] = floats[0];
    return v;
#endif
}

static inline void hy_vf_store_part(void *to, hy_vf v, int64_t count)
{
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(to, (__mmask16)((1U << count) - 1), (__m512)v);
#elif defined(__AVX2__)
    _mm256_maskstore_ps(to, hy_vf_part_mask(count), (__m256)v);
#else
    hy_f32 *floats = to;
    if (count >= 4)
        hy_vf_store(to, v);
    else if (count & 2)
        memcpy(to, &v, 8);
    if (count == 3)
        floats[2] = v[2];
    else if (count == 1)
        floats[0] = v[0];
#endif
}

/* The next of `left` floats: a whole vector as long as there is one. */
static inline hy_vf hy_vf_load_some(const void *from, int64_t left)
{
    return left >= HY_LANES ? hy_vf_load(from) : hy_vf_load_part(from, left);
}

static inline void hy_vf_store_some(void *to, hy_vf v, int64_t left)
{
    if (left >= HY_LANES)
        hy_vf_store(to, v);
    else
        hy_vf_store_part(to, v, left);
}

#endif
