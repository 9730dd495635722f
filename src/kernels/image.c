/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/image.h"

#include "kernels/gemm.h"

void hy_image_offsets(const hy_view *view, int64_t first, int64_t count, int64_t *offsets)
{
    int64_t height = view->dims[1], width = view->dims[2];
    int64_t n = first / (height * width), y = first / width % height, x = first % width;
    for (int64_t i = 0; i < count; y++, x = 0) {
        if (y == height) {
            y = 0;
            n++;
        }
        int64_t row = view->offset + n * view->strides[0] + y * view->strides[1];
        for (; x < width && i < count; x++, i++)
            offsets[i] = row + x * view->strides[2];
    }
}

void hy_image_tap(const hy_image *image, const hy_grid *grid, int64_t offset_y, int64_t offset_x,
                  const hy_f32 *zeros, int64_t first, int64_t count, const hy_f32 **pointers)
{
    int64_t n = first / (grid->height * grid->width);
    int64_t y = first / grid->width % grid->height, x = first % grid->width;
    for (int64_t i = 0; i < count; y++, x = 0) {
        if (y == grid->height) {
            y = 0;
            n++;
        }
        int64_t in_y = y * grid->step_y + offset_y;
        int64_t width = in_y >= 0 && in_y < image->height ? image->width : 0; /* above and below: all outside */
        int64_t in_x = x * grid->step_x + offset_x;
        for (; x < grid->width && i < count; x++, i++, in_x += grid->step_x) {
            bool inside = in_x >= 0 && in_x < width;
            pointers[i] = inside ? image->data + n * image->batch + (in_y >> image->shift) * image->row
                                       + (in_x >> image->shift) * image->pixel
                                 : zeros;
        }
    }
}

typedef struct copy_job {
    hy_image from;
    float *to; /* [n, height, width, channels] */
    int64_t height, width, channels;
    int64_t pad_top, pad_left;
} copy_job;

/* Pixels first .. last - 1 of a row. */
static void copy_pixels(const copy_job *copy, const hy_f32 *from, float *to, int64_t first, int64_t last)
{
    const hy_image *image = &copy->from;
    int64_t channels = copy->channels;
    if (image->pixel == 1 && !image->shift) {
        hy_gemm_transpose(to + first * channels, channels, from, image->channel, channels, last - first);
    } else if (image->channel == 1 && image->pixel == channels && !image->shift) {
        memcpy(to + first * channels, from, (size_t)((last - first) * channels) * sizeof(float));
    } else {
        for (int64_t x = first; x < last; x++)
            for (int64_t c = 0; c < channels; c++)
                to[x * channels + c] = from[((x - first) >> image->shift) * image->pixel + c * image->channel];
    }
}

static void copy_row(void *argument, int64_t index, int worker)
{
    const copy_job *copy = argument;
    const hy_image *image = &copy->from;
    int64_t row = copy->width * copy->channels;
    int64_t n = index / copy->height, y = index % copy->height - copy->pad_top;
    float *to = copy->to + index * row;
    (void)worker;
    if (row == 0)
        return; /* nor is there memory then */
    if (y < 0 || y >= image->height || image->width == 0) {
        memset(to, 0, (size_t)row * sizeof(float));
        return;
    }
    int64_t first = hy_min64(copy->pad_left, copy->width);
    int64_t last = hy_min64(copy->pad_left + image->width, copy->width);
    memset(to, 0, (size_t)(first * copy->channels) * sizeof(float));
    copy_pixels(copy, image->data + n * image->batch + (y >> image->shift) * image->row, to, first, last);
    memset(to + last * copy->channels, 0, (size_t)((copy->width - last) * copy->channels) * sizeof(float));
}

hy_image hy_image_copy(const hy_call *call, const void *memory, int64_t pad_top, int64_t pad_left, int64_t height,
                       int64_t width, float *to, hy_team *team)
{
    int64_t channels = call->in[0].dims[3];
    copy_job copy = {.from = hy_image_of_call(call, memory), .to = to, .height = height, .width = width,
                 .channels = channels, .pad_top = pad_top, .pad_left = pad_left};
    hy_team_run(team, copy_row, &copy, call->in[0].dims[0] * height);
    return (hy_image){.data = to, .height = height, .width = width, .batch = height * width * channels,
                      .row = width * channels, .pixel = channels, .channel = 1};
}
