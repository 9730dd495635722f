/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_RESIZE. Where an output element comes from is computed in float32 just as TensorFlow does, since rounding
 * decides which neighbour is the nearest:
 *
 *     scale    align_corners and out > 1: (in - 1) / (out - 1), else in / out
 *     nearest  floor(y * scale); half_pixel_centers: floor((y + 0.5) * scale); align_corners: round(y * scale)
 *     bilinear y * scale; half_pixel_centers: (y + 0.5) * scale - 0.5; between its floor and ceiling
 *
 * and inside the input. A bilinear resize to the same size is a copy, as in TensorFlow.
 */
#include <math.h>

#include "kernels/loops.h"

enum { TASK = 16384 }; /* output elements of a task, at least */

/* Where an output row or column comes from. Nearest: only `lower`. */
typedef struct source {
    int64_t lower, upper;
    float part; /* of the way from lower to upper */
} source;

typedef struct resize {
    const hy_call *call;
    const char *in;         /* element [0, 0, 0, 0] */
    char *out;
    int64_t in_step[4];     /* bytes */
    int64_t out_step[4];
    int64_t width;          /* bytes of an element */
    int64_t rows_of_task;   /* output rows, of all images */
    float scale_h, scale_w;
    bool nearest;
    bool dense_channels;
    source *columns;        /* of every output column */
} resize;

static float scale_of(const hy_call *call, int dim)
{
    const int64_t in = call->in[0].dims[dim], out = call->out.dims[dim];
    return call->resize.align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
}

static source source_of(const resize *r, float scale, int64_t out, int64_t size)
{
    const bool half_pixel = r->call->resize.half_pixel_centers;
    const float y = (float)out;
    if (r->nearest) {
        const float at = half_pixel ? floorf((y + 0.5f) * scale)
                         : r->call->resize.align_corners ? roundf(y * scale) : floorf(y * scale);
        const int64_t lower = hy_max64(0, hy_min64((int64_t)at, size - 1));
        return (source){lower, lower, 0.0f};
    }
    const float at = half_pixel ? (y + 0.5f) * scale - 0.5f : y * scale;
    const float below = floorf(at);
    return (source){
        .lower = hy_min64(hy_max64((int64_t)below, 0), size - 1),
        .upper = hy_min64((int64_t)ceilf(at), size - 1),
        .part = at - below,
    };
}

/* ---- Nearest --------------------------------------------------------------------------------------------- */

/* Each column's pixel of `size` bytes, a constant for the common ones. */
HY_ALWAYS_INLINE void nearest_pixels(const resize *r, const char *in, char *out, size_t size)
{
    const int64_t columns = r->call->out.dims[2];
    for (int64_t x = 0; x < columns; x++)
        memcpy(out + x * r->out_step[2], in + r->columns[x].lower * r->in_step[2], size);
}

static void nearest_row(const resize *r, const char *in, char *out)
{
    const int64_t channels = r->call->out.dims[3], size = channels * r->width;
    if (!r->dense_channels) {
        for (int64_t x = 0; x < r->call->out.dims[2]; x++)
            hy_copy_strided(out + x * r->out_step[2], r->out_step[3], in + r->columns[x].lower * r->in_step[2],
                            r->in_step[3], channels, (int)r->width);
        return;
    }
    switch (size) {
    case 1: nearest_pixels(r, in, out, 1); break;
    case 2: nearest_pixels(r, in, out, 2); break;
    case 3: nearest_pixels(r, in, out, 3); break;
    case 4: nearest_pixels(r, in, out, 4); break;
    case 8: nearest_pixels(r, in, out, 8); break;
    case 12: nearest_pixels(r, in, out, 12); break;
    case 16: nearest_pixels(r, in, out, 16); break;
    case 32: nearest_pixels(r, in, out, 32); break;
    case 64: nearest_pixels(r, in, out, 64); break;
    default: nearest_pixels(r, in, out, (size_t)size); break;
    }
}

/* ---- Bilinear -------------------------------------------------------------------------------------------- */

/* TensorFlow's order: along the two rows, then between them. */
HY_ALWAYS_INLINE hy_vf mix_vf(hy_vf tl, hy_vf tr, hy_vf bl, hy_vf br, float x, float y)
{
    const hy_vf top = tl + (tr - tl) * x, bottom = bl + (br - bl) * x;
    return top + (bottom - top) * y;
}

HY_ALWAYS_INLINE float mix(float tl, float tr, float bl, float br, float x, float y)
{
    const float top = tl + (tr - tl) * x, bottom = bl + (br - bl) * x;
    return top + (bottom - top) * y;
}

/* One output pixel between four input ones, whose channels are contiguous. */
HY_ALWAYS_INLINE void mix_vectors(char *out, const char *tl, const char *tr, const char *bl, const char *br,
                                  int64_t channels, float x, float y)
{
    if (channels < HY_LANES) {
        const hy_vf top_left = hy_vf_load_part(tl, channels), top_right = hy_vf_load_part(tr, channels);
        const hy_vf bottom_left = hy_vf_load_part(bl, channels), bottom_right = hy_vf_load_part(br, channels);
        hy_vf_store_part(out, mix_vf(top_left, top_right, bottom_left, bottom_right, x, y), channels);
        return;
    }
    for (int64_t i = 0; i < channels; i += HY_LANES) {
        const int64_t c = hy_min64(i, channels - HY_LANES) * 4; /* the last overlaps the one before */
        hy_vf_store(out + c, mix_vf(hy_vf_load(tl + c), hy_vf_load(tr + c), hy_vf_load(bl + c), hy_vf_load(br + c),
                                    x, y));
    }
}

static void bilinear_row(const resize *r, const char *top, const char *bottom, char *out, float y)
{
    const int64_t columns = r->call->out.dims[2], channels = r->call->out.dims[3];
    const int64_t in_column = r->in_step[2], in_step = r->in_step[3], out_column = r->out_step[2];
    const int64_t out_step = r->out_step[3];
    const bool vectors = r->dense_channels && channels >= HY_PART_FROM;
    const source *sources = r->columns;
    for (int64_t column = 0; column < columns; column++, out += out_column) {
        const float x = sources[column].part;
        const int64_t left = sources[column].lower * in_column, right = sources[column].upper * in_column;
        if (vectors) {
            mix_vectors(out, top + left, top + right, bottom + left, bottom + right, channels, x, y);
            continue;
        }
        for (int64_t c = 0; c < channels; c++) {
            const float tl = *(const hy_f32 *)(top + left + c * in_step);
            const float tr = *(const hy_f32 *)(top + right + c * in_step);
            const float bl = *(const hy_f32 *)(bottom + left + c * in_step);
            const float br = *(const hy_f32 *)(bottom + right + c * in_step);
            *(hy_f32 *)(out + c * out_step) = mix(tl, tr, bl, br, x, y);
        }
    }
}

/* ---- The kernel ------------------------------------------------------------------------------------------ */

/* Whether an output row is dense, so that it can be copied whole. */
static bool rows_are_dense(const resize *r)
{
    return r->dense_channels && r->out_step[2] == r->call->out.dims[3] * r->width;
}

static void resize_task(void *argument, int64_t index, int worker)
{
    const resize *r = argument;
    const int64_t *in_dims = r->call->in[0].dims, *dims = r->call->out.dims;
    const int64_t begin = index * r->rows_of_task, end = hy_min64(begin + r->rows_of_task, dims[0] * dims[1]);
    const bool reuse = r->nearest && rows_are_dense(r);
    const char *last_from = NULL;
    char *last_to = NULL;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const int64_t n = row / dims[1], y = row % dims[1];
        const source s = source_of(r, r->scale_h, y, in_dims[1]);
        const char *image = r->in + n * r->in_step[0], *from = image + s.lower * r->in_step[1];
        char *to = r->out + n * r->out_step[0] + y * r->out_step[1];
        if (!r->nearest)
            bilinear_row(r, from, image + s.upper * r->in_step[1], to, s.part);
        else if (reuse && from == last_from)
            memcpy(to, last_to, (size_t)(dims[2] * dims[3] * r->width));
        else
            nearest_row(r, from, to);
        last_from = from;
        last_to = to;
    }
}

static size_t scratch_bytes(const hy_call *call, int threads)
{
    (void)threads;
    return (size_t)call->out.dims[2] * sizeof(source);
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    const int64_t *in_dims = call->in[0].dims, *dims = call->out.dims;
    const int64_t width = (int64_t)haya_dtype_size(call->out.dtype);
    if (hy_view_elements(&call->out) == 0)
        return NULL;
    resize r = {
        .call = call,
        .in = (const char *)in[0] + call->in[0].offset * width,
        .out = (char *)out + call->out.offset * width,
        .width = width,
        .scale_h = scale_of(call, 1),
        .scale_w = scale_of(call, 2),
        .nearest = call->resize.mode == HY_RESIZE_NEAREST || (in_dims[1] == dims[1] && in_dims[2] == dims[2]),
        .columns = scratch,
    };
    for (int d = 0; d < 4; d++) {
        r.in_step[d] = call->in[0].strides[d] * width;
        r.out_step[d] = call->out.strides[d] * width;
    }
    r.dense_channels = r.in_step[3] == width && r.out_step[3] == width;
    for (int64_t x = 0; x < dims[2]; x++)
        r.columns[x] = source_of(&r, r.scale_w, x, in_dims[2]);
    r.rows_of_task = hy_max64(1, TASK / (dims[2] * dims[3]));
    hy_team_run(team, resize_task, &r, hy_ceil_div(dims[0] * dims[1], r.rows_of_task));
    return NULL;
}

static bool accepts(const hy_call *call)
{
    return call->in[0].dtype == call->out.dtype &&
           (call->resize.mode == HY_RESIZE_NEAREST || call->out.dtype == HAYA_FLOAT32);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_resize)[] = {
    {
        .name = "resize",
        .family = HY_RESIZE,
        .isa = HY_ISA_THIS,
        .why = "the kernel for resizing images",
        .accepts = accepts,
        .scratch = scratch_bytes,
        .run = run,
    },
    {0},
};
