/* SPDX-License-Identifier: Apache-2.0
 *
 * Times every kernel that takes a call, for a list of shapes of common networks, and prints GFLOP/s.
 *
 *     bench_kernels [threads] [part of a shape's or kernel's name, or an instruction set]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/kernels.h"

typedef struct bench_shape {
    const char *name;
    hy_family family;
    int64_t size, ci, co; /* of the input: size x size x ci; matmul: m, k, n */
    int32_t kernel, stride;
} bench_shape;

static const bench_shape shapes[] = {
    {"unet 256", HY_CONV2D, 256, 1, 64, 3, 1},
    {"unet 256", HY_CONV2D, 256, 64, 64, 3, 1},
    {"unet 256", HY_CONV2D, 256, 128, 64, 3, 1},
    {"unet 128", HY_CONV2D, 128, 64, 128, 3, 1},
    {"unet 128", HY_CONV2D, 128, 128, 128, 3, 1},
    {"unet 128", HY_CONV2D, 128, 256, 128, 3, 1},
    {"unet 64", HY_CONV2D, 64, 256, 256, 3, 1},
    {"unet 64", HY_CONV2D, 64, 512, 256, 3, 1},
    {"unet 32", HY_CONV2D, 32, 512, 512, 3, 1},
    {"unet 32", HY_CONV2D, 32, 1024, 512, 3, 1},
    {"unet 16", HY_CONV2D, 16, 512, 1024, 3, 1},
    {"unet 16", HY_CONV2D, 16, 1024, 1024, 3, 1},
    {"unet last", HY_CONV2D, 256, 64, 1, 1, 1},
    {"classifier first", HY_CONV2D, 224, 3, 64, 7, 2},
    {"classifier 1x1", HY_CONV2D, 56, 64, 256, 1, 1},
    {"classifier 1x1", HY_CONV2D, 14, 1024, 256, 1, 1},
    {"classifier 7x7 map", HY_CONV2D, 7, 512, 512, 3, 1},
    {"one pixel", HY_CONV2D, 1, 960, 240, 1, 1},
    {"unet up", HY_CONV2D_TRANSPOSE, 64, 512, 256, 2, 2},
    {"gan up", HY_CONV2D_TRANSPOSE, 16, 512, 256, 5, 2},
    {"depthwise", HY_DEPTHWISE, 112, 64, 64, 3, 1},
    {"depthwise", HY_DEPTHWISE, 56, 128, 128, 3, 2},
    {"depthwise", HY_DEPTHWISE, 14, 512, 512, 3, 1},
    {"square", HY_MATMUL, 512, 512, 512, 0, 0},
    {"dense", HY_MATMUL, 1, 4096, 1000, 0, 0},
    {"dense", HY_MATMUL, 4, 4096, 4096, 0, 0},
};

static hy_view dense(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t dims[4] = {a, b, c, d};
    haya_shape made = hy_shape_make(rank, dims);
    return hy_view_dense(HAYA_FLOAT32, &made);
}

/* Padded so that the output has the input's size, divided or multiplied by the stride; with bias and relu. */
static hy_call make_call(const bench_shape *s)
{
    hy_call call = {.family = s->family, .input_count = 3};
    int32_t k = s->kernel, pad = s->stride == k ? 0 : (k - 1) / 2;
    int64_t out = s->size;
    call.epilogue = (hy_epilogue){.shift = true, .activation = HY_RELU};
    call.window = (hy_window){k, k, s->stride, s->stride, 1, 1, pad, pad};
    if (s->family == HY_MATMUL) {
        call.in[0] = dense(2, s->size, s->ci, 0, 0);
        call.in[1] = dense(2, s->ci, s->co, 0, 0);
        call.out = dense(2, s->size, s->co, 0, 0);
    } else {
        call.in[0] = dense(4, 1, s->size, s->size, s->ci);
        call.in[1] = dense(4, k, k, s->ci, s->co);
        out = s->family == HY_CONV2D_TRANSPOSE ? out * s->stride : (out + s->stride - 1) / s->stride;
        if (s->family == HY_CONV2D_TRANSPOSE)
            call.in[1] = dense(4, k, k, s->co, s->ci);
        if (s->family == HY_DEPTHWISE)
            call.in[1] = dense(4, k, k, s->ci, 1);
        call.out = dense(4, 1, out, out, s->co);
    }
    call.in[2] = dense(1, s->co, 0, 0, 0);
    hy_call_assert(&call);
    return call;
}

/* Memory for an operand, `skew` bytes beyond an aligned address. */
static float *fill(const hy_view *view, size_t skew, void **allocated)
{
    size_t count = (size_t)hy_view_elements(view);
    char *memory = malloc(count * sizeof(float) + 128);
    *allocated = memory;
    memory += (64 - (uintptr_t)memory % 64) + skew;
    for (size_t i = 0; i < count; i++) {
        float value = (float)((i * 2654435761U >> 8) % 2001) / 1000 - 1;
        memcpy(memory + i * sizeof value, &value, sizeof value);
    }
    return (float *)(void *)memory;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* One thread: processor time, which other processes disturb less. */
static uint64_t now(hy_team *team)
{
    return team ? hy_clock_nanoseconds() : (uint64_t)((double)clock() * (1e9 / CLOCKS_PER_SEC));
}

static void bench(const bench_shape *s, const hy_kernel *kernel, const hy_call *call, hy_team *team)
{
    enum { most = 25 };
    void *allocated[HY_CALL_INPUTS + 1];
    const void *in[HY_CALL_INPUTS];
    uint64_t times[most], total = 0;
    int runs = 0;
    for (int i = 0; i < call->input_count; i++)
        in[i] = fill(&call->in[i], i == 1 ? 13 : 0, &allocated[i]); /* parameters in a file lie anywhere */
    float *out = fill(&call->out, 0, &allocated[call->input_count]);
    size_t bytes = kernel->scratch ? kernel->scratch(call, hy_team_size(team)) : 0;
    haya_host host;
    hy_host_resolve(NULL, &host, NULL);
    void *scratch = hy_alloc(&host, bytes);
    kernel->run(call, in, out, scratch, team);
    while (runs < most && (runs < 3 || total < 300000000)) {
        uint64_t begin = now(team);
        kernel->run(call, in, out, scratch, team);
        times[runs] = now(team) - begin;
        total += times[runs++];
    }
    qsort(times, (size_t)runs, sizeof *times, compare);
    double median = (double)times[runs / 2], best = (double)times[0], flops = (double)hy_call_flops(call);
    printf("%-18s %4lld %5lld %5lld  %dx%d/%d  %-22s %-8s %9.3f ms %7.1f GFLOP/s (best %.1f)\n", s->name,
           (long long)s->size, (long long)s->ci, (long long)s->co, s->kernel, s->kernel, s->stride, kernel->name,
           hy_isa_name(kernel->isa), median * 1e-6, flops / median, flops / best);
    fflush(stdout);
    hy_free(&host, scratch, bytes);
    for (int i = 0; i <= call->input_count; i++)
        free(allocated[i]);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    const char *part = argc > 2 ? argv[2] : "";
    hy_team *team = NULL;
    if (threads > 1 && hy_team_create(threads, NULL, NULL, &team, NULL) != HAYA_OK)
        return 1;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        hy_call call = make_call(&shapes[i]);
        const hy_kernel *kernel;
        for (size_t k = 0; (kernel = hy_kernel_list(k)); k++)
            if (kernel->family == call.family && kernel->isa <= hy_isa_best()
                && (!kernel->accepts || kernel->accepts(&call))
                && (strstr(shapes[i].name, part) || strstr(kernel->name, part)
                    || strcmp(hy_isa_name(kernel->isa), part) == 0))
                bench(&shapes[i], kernel, &call, team);
    }
    hy_team_free(team);
    return 0;
}
