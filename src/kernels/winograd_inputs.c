/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles of the image, transformed.
 */
#include "kernels/winograd.h"

enum { MOST = HY_FORM_MOST };

/* The pixels that a tile reads, [pixels][pixels]. Those of the enlarged forms are the image's own. */
static void find_pixels(const hy_winograd *job, int64_t tile, const hy_f32 **pixels)
{
    const hy_winograd_layout *l = &job->layout;
    const hy_image *image = &job->image;
    const hy_window *window = &job->call->window;
    int64_t n = tile / (l->tiles_h * l->tiles_w), y = tile / l->tiles_w % l->tiles_h, x = tile % l->tiles_w;
    int64_t top = y * hy_form_step(l->form) - window->pad_top, left = x * hy_form_step(l->form) - window->pad_left;
    const hy_f32 *data = image->data + n * image->batch;
    for (int64_t i = top; i < top + l->pixels; i++) {
        const hy_f32 *row = i >= 0 && i < image->height ? data + (i >> image->shift) * image->row : NULL;
        for (int64_t j = left; j < left + l->pixels; j++)
            *pixels++ = row && j >= 0 && j < image->width ? row + (j >> image->shift) * image->pixel : job->zeros;
    }
}

/* HY_LANES channels of one tile from c on; v: slot 0, at channel c. `next`: the pixels of the tile that follows, of
   which those that are not this one's as well are called into the cache. */
HY_ALWAYS_INLINE void transform_input(hy_form form, const hy_f32 *const *pixels, const hy_f32 *const *next, int64_t c,
                                      int64_t left, float *v, int64_t v_slot)
{
    const int n = hy_form_pixels(form), shared = n - hy_form_step(form);
    hy_vf d[MOST], rows[MOST * MOST];
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            const hy_f32 *from = pixels[i * n + j] + c;
            d[j] = left >= HY_LANES ? hy_vf_load(from) : hy_vf_load_some(from, left);
            if (j >= shared)
                __builtin_prefetch(next[i * n + j] + c);
        }
        hy_form_inputs(form, d, rows + i * MOST, 1);
    }
    for (int j = 0; j < n; j++) {
        hy_vf column[MOST];
        for (int i = 0; i < n; i++)
            d[i] = rows[i * MOST + j];
        hy_form_inputs(form, d, column, 1);
        for (int i = 0; i < n; i++)
            hy_vf_store(v + (i * n + j) * v_slot, column[i]);
    }
}

HY_ALWAYS_INLINE void transform_inputs_of(hy_form form, const hy_winograd *job, int64_t first, int64_t count, float *v)
{
    const hy_winograd_layout *l = &job->layout;
    const hy_f32 *pixels[2][MOST * MOST];
    find_pixels(job, first, pixels[0]);
    for (int64_t t = 0; t < count; t++, v += l->v_row) {
        const hy_f32 *const *here = pixels[t % 2], **next = pixels[(t + 1) % 2];
        find_pixels(job, hy_min64(first + t + 1, l->tiles - 1), next);
        int64_t c = 0;
        for (; c + HY_LANES <= l->ci; c += HY_LANES)
            transform_input(form, here, next, c, HY_LANES, v + c, l->v_slot);
        if (c < l->ci)
            transform_input(form, here, next, c, l->ci - c, v + c, l->v_slot);
    }
}

void hy_winograd_inputs(const hy_winograd *job, int64_t first, int64_t count, float *v)
{
    switch (job->layout.form) {
    case HY_F43:
        transform_inputs_of(HY_F43, job, first, count, v);
        break;
    case HY_F23:
        transform_inputs_of(HY_F23, job, first, count, v);
        break;
    case HY_F43_ENLARGED:
        transform_inputs_of(HY_F43_ENLARGED, job, first, count, v);
        break;
    case HY_F22_ENLARGED:
        transform_inputs_of(HY_F22_ENLARGED, job, first, count, v);
        break;
    }
}
