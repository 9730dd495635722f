/* SPDX-License-Identifier: Apache-2.0
 *
 * Between rows of pixels, the channels of each together, and planes, a row for each channel.
 */
#ifndef HAYA_KERNELS_PLANAR_H
#define HAYA_KERNELS_PLANAR_H

#include "kernels/loops.h"

/* Number i (0 .. 3: of a, 4 .. 7: of b) in each of a vector's parts of four floats. */
#define HY_PART_INDEX(i, part) ((i) < 4 ? (i) + 4 * (part) : (i) - 4 + HY_LANES + 4 * (part))
#define HY_PART_INDICES(i, j, k, l, part) \
    HY_PART_INDEX(i, part), HY_PART_INDEX(j, part), HY_PART_INDEX(k, part), HY_PART_INDEX(l, part)

#if HY_LANES == 16
#  define HY_SHUFFLE_PARTS(a, b, i, j, k, l)                                                                          \
      __builtin_shufflevector(a, b, HY_PART_INDICES(i, j, k, l, 0), HY_PART_INDICES(i, j, k, l, 1),                   \
                              HY_PART_INDICES(i, j, k, l, 2), HY_PART_INDICES(i, j, k, l, 3))
#elif HY_LANES == 8
#  define HY_SHUFFLE_PARTS(a, b, i, j, k, l) \
      __builtin_shufflevector(a, b, HY_PART_INDICES(i, j, k, l, 0), HY_PART_INDICES(i, j, k, l, 1))
#else
#  define HY_SHUFFLE_PARTS(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif

/* Four vectors, of whose parts of four floats number i each are a matrix of 4 x 4. */
typedef struct hy_four {
    hy_vf v0, v1, v2, v3;
} hy_four;

/* All these matrices. */
HY_ALWAYS_INLINE hy_four hy_four_transpose(hy_four m)
{
    hy_vf low01 = HY_SHUFFLE_PARTS(m.v0, m.v1, 0, 4, 1, 5), high01 = HY_SHUFFLE_PARTS(m.v0, m.v1, 2, 6, 3, 7);
    hy_vf low23 = HY_SHUFFLE_PARTS(m.v2, m.v3, 0, 4, 1, 5), high23 = HY_SHUFFLE_PARTS(m.v2, m.v3, 2, 6, 3, 7);
    return (hy_four){
        HY_SHUFFLE_PARTS(low01, low23, 0, 1, 4, 5), HY_SHUFFLE_PARTS(low01, low23, 2, 3, 6, 7),
        HY_SHUFFLE_PARTS(high01, high23, 0, 1, 4, 5), HY_SHUFFLE_PARTS(high01, high23, 2, 3, 6, 7),
    };
}

/* The parts of a vector, `step` floats from one to the next. Compilers would build it from registers. */
HY_ALWAYS_INLINE hy_vf hy_parts_load(const hy_f32 *from, int64_t step)
{
#if HY_LANES == 16
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps((const float *)from));
    v = _mm512_insertf32x4(v, _mm_loadu_ps((const float *)(from + step)), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps((const float *)(from + 2 * step)), 2);
    return (hy_vf)_mm512_insertf32x4(v, _mm_loadu_ps((const float *)(from + 3 * step)), 3);
#elif HY_LANES == 8
    __m256 v = _mm256_castps128_ps256(_mm_loadu_ps((const float *)from));
    return (hy_vf)_mm256_insertf128_ps(v, _mm_loadu_ps((const float *)(from + step)), 1);
#else
    (void)step;
    return hy_vf_load(from);
#endif
}

HY_ALWAYS_INLINE void hy_parts_store(hy_f32 *to, int64_t step, hy_vf v)
{
#if HY_LANES == 16
    _mm_storeu_ps((float *)to, _mm512_castps512_ps128((__m512)v));
    _mm_storeu_ps((float *)(to + step), _mm512_extractf32x4_ps((__m512)v, 1));
    _mm_storeu_ps((float *)(to + 2 * step), _mm512_extractf32x4_ps((__m512)v, 2));
    _mm_storeu_ps((float *)(to + 3 * step), _mm512_extractf32x4_ps((__m512)v, 3));
#elif HY_LANES == 8
    _mm_storeu_ps((float *)to, _mm256_castps256_ps128((__m256)v));
    _mm_storeu_ps((float *)(to + step), _mm256_extractf128_ps((__m256)v, 1));
#else
    (void)step;
    hy_vf_store(to, v);
#endif
}

/* Four channels of HY_LANES pixels to planes; reads four floats of each pixel. */
HY_ALWAYS_INLINE hy_four hy_planes_load(const hy_f32 *from, int64_t pixel)
{
    return hy_four_transpose((hy_four){hy_parts_load(from, 4 * pixel), hy_parts_load(from + pixel, 4 * pixel),
                                       hy_parts_load(from + 2 * pixel, 4 * pixel),
                                       hy_parts_load(from + 3 * pixel, 4 * pixel)});
}

/* The `channels` (1 .. 4) first of them. */
HY_ALWAYS_INLINE void hy_planes_take(float *to, int64_t plane, const hy_f32 *from, int64_t pixel, int64_t channels)
{
    hy_four m = hy_planes_load(from, pixel);
    hy_vf_store(to, m.v0);
    if (channels > 1)
        hy_vf_store(to + plane, m.v1);
    if (channels > 2)
        hy_vf_store(to + 2 * plane, m.v2);
    if (channels > 3)
        hy_vf_store(to + 3 * plane, m.v3);
}

/* The reverse. */
HY_ALWAYS_INLINE void hy_planes_give(const float *from, int64_t plane, hy_f32 *to, int64_t pixel)
{
    hy_four m = hy_four_transpose((hy_four){hy_vf_load(from), hy_vf_load(from + plane), hy_vf_load(from + 2 * plane),
                                            hy_vf_load(from + 3 * plane)});
    hy_parts_store(to, 4 * pixel, m.v0);
    hy_parts_store(to + pixel, 4 * pixel, m.v1);
    hy_parts_store(to + 2 * pixel, 4 * pixel, m.v2);
    hy_parts_store(to + 3 * pixel, 4 * pixel, m.v3);
}

/* The lines of some pixels, two vectors of them ahead of those that are worked on, which are to be read or written. */
HY_ALWAYS_INLINE void hy_call_pixels(const hy_f32 *at, int64_t pixel, bool write)
{
    enum { line = HY_CACHE_LINE / sizeof(float), most = 16 * line };
    int64_t ahead = 2 * HY_LANES * pixel, end = ahead + HY_LANES * pixel;
    for (int64_t i = ahead; i < hy_min64(end, ahead + most); i += line)
        if (write)
            __builtin_prefetch(at + i, 1);
        else
            __builtin_prefetch(at + i);
}

/* to[c * plane + i] = from[i * pixel + c * channel], i < count, c < channels */
static inline void hy_planes_from_pixels(float *to, int64_t plane, const hy_f32 *from, int64_t pixel, int64_t channel,
                                         int64_t count, int64_t channels)
{
    int64_t done = 0; /* pixels */
    if (channel == 1 && pixel != 1 && channels >= 4 && count >= HY_LANES) {
        for (int64_t i = 0; i < count; i += HY_LANES) {
            int64_t x = hy_min64(i, count - HY_LANES); /* some pixels, and some channels, twice */
            hy_call_pixels(from + x * pixel, pixel, false);
            for (int64_t c = 0; c < channels; c += 4) {
                int64_t k = hy_min64(c, channels - 4);
                hy_planes_take(to + k * plane + x, plane, from + x * pixel + k, pixel, 4);
            }
        }
        return;
    }
    /* Fewer than four channels: where pixels are neighbours, what is read beyond them are the next one's. */
    if (channel == 1 && pixel == channels && channels > 1)
        for (; channels * (count - done - HY_LANES) >= 2; done += HY_LANES)
            hy_planes_take(to + done, plane, from + done * pixel, pixel, hy_min64(channels, 4));
    for (int64_t c = 0; c < channels; c++)
        hy_copy_strided((char *)(to + c * plane + done), sizeof(float),
                        (const char *)(from + done * pixel + c * channel), pixel * (int64_t)sizeof(float),
                        count - done, sizeof(float));
}

/* to[i * pixel + c * channel] = from[c * plane + i], i < count, c < channels */
static inline void hy_planes_to_pixels(const float *from, int64_t plane, hy_f32 *to, int64_t pixel, int64_t channel,
                                       int64_t count, int64_t channels)
{
    if (channel == 1 && channels >= 4 && count >= HY_LANES) {
        for (int64_t i = 0; i < count; i += HY_LANES) {
            int64_t x = hy_min64(i, count - HY_LANES);
            hy_call_pixels(to + x * pixel, pixel, true);
            for (int64_t c = 0; c < channels; c += 4) {
                int64_t k = hy_min64(c, channels - 4);
                hy_planes_give(from + k * plane + x, plane, to + x * pixel + k, pixel);
            }
        }
        return;
    }
    for (int64_t c = 0; c < channels; c++)
        hy_copy_strided((char *)(to + c * channel), pixel * (int64_t)sizeof(float), (const char *)(from + c * plane),
                        sizeof(float), count, sizeof(float));
}

#endif
