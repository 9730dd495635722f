/* SPDX-License-Identifier: Apache-2.0
 *
 * check_kernels --bench: times every kernel that takes a call, for a list of shapes of common networks.
 */
#include "check_kernels.h"

#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__)
#  include <immintrin.h>
#endif

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
    {"bottleneck", HY_CONV2D, 8, 512, 512, 3, 1},
    {"bottleneck", HY_CONV2D, 4, 512, 512, 3, 1},
    {"unet last", HY_CONV2D, 256, 64, 1, 1, 1},
    {"small unet 256", HY_CONV2D, 256, 1, 8, 3, 1},
    {"small unet 256", HY_CONV2D, 256, 8, 8, 3, 1},
    {"small unet 256", HY_CONV2D, 256, 16, 8, 3, 1},
    {"small unet 128", HY_CONV2D, 128, 16, 16, 3, 1},
    {"small unet last", HY_CONV2D, 256, 8, 1, 1, 1},
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
    {"pool", HY_POOL, 256, 64, 64, 2, 2},
    {"pool", HY_POOL, 112, 64, 64, 3, 2},
    {"small pool", HY_POOL, 256, 8, 8, 2, 2},
    {"small pool", HY_POOL, 128, 16, 16, 2, 2},
    {"enlarge", HY_RESIZE, 128, 64, 64, 1, 2},
    {"relu", HY_UNARY, 256, 64, 64, 1, 1},
    {"add", HY_BINARY, 256, 64, 64, 1, 1},
    {"batch norm", HY_SCALE_SHIFT, 256, 64, 64, 1, 1},
    {"batch norm", HY_BATCH_NORM_FOLD, 1, 1024, 1024, 1, 1},
    {"mean of a map", HY_REDUCE, 56, 256, 256, 1, 1},
    {"softmax", HY_SOFTMAX, 128, 21, 21, 1, 1},
    {"channels first", HY_COPY, 128, 64, 64, 1, 1},
    {"bytes to floats", HY_CAST, 256, 3, 3, 1, 1},
    {"choose", HY_SELECT, 256, 16, 16, 1, 1},
    {"rows by index", HY_GATHER, 256, 64, 64, 1, 1},
};

static hy_view dense(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t dims[4] = {a, b, c, d};
    haya_shape made = hy_shape_make(rank, dims);
    return hy_view_dense(HAYA_FLOAT32, &made);
}

/* Convolutions and products, with bias and relu. Padded so that the output has the input's size, divided or
   multiplied by the stride. */
static void add_operands(const bench_shape *s, hy_call *call)
{
    int32_t k = s->kernel, pad = s->stride == k ? 0 : (k - 1) / 2;
    int64_t out = s->size;
    call->input_count = 3;
    call->epilogue = (hy_epilogue){.shift = true, .activation = HY_RELU};
    call->window = (hy_window){k, k, s->stride, s->stride, 1, 1, pad, pad};
    if (s->family == HY_MATMUL) {
        call->in[0] = dense(2, s->size, s->ci, 0, 0);
        call->in[1] = dense(2, s->ci, s->co, 0, 0);
        call->out = dense(2, s->size, s->co, 0, 0);
    } else {
        call->in[0] = dense(4, 1, s->size, s->size, s->ci);
        call->in[1] = dense(4, k, k, s->ci, s->co);
        out = s->family == HY_CONV2D_TRANSPOSE ? out * s->stride : (out + s->stride - 1) / s->stride;
        if (s->family == HY_CONV2D_TRANSPOSE)
            call->in[1] = dense(4, k, k, s->co, s->ci);
        if (s->family == HY_DEPTHWISE)
            call->in[1] = dense(4, k, k, s->ci, 1);
        call->out = dense(4, 1, out, out, s->co);
    }
    call->in[2] = dense(1, s->co, 0, 0, 0);
}

/* The same for every pixel. */
static hy_view vector_for(const hy_view *image)
{
    hy_view view = *image;
    for (int d = 0; d < 3; d++)
        view.strides[d] = 0;
    return view;
}

/* All other families, on an image. */
static void add_image(const bench_shape *s, hy_call *call)
{
    int64_t size = s->size, c = s->ci;
    hy_view image = dense(4, 1, size, size, c);
    call->input_count = 1;
    call->in[0] = call->out = image;
    switch (s->family) {
    case HY_POOL:
        call->window = (hy_window){s->kernel, s->kernel, s->stride, s->stride, 1, 1, 0, 0};
        call->pool.max = true;
        call->out = dense(4, 1, (size - s->kernel) / s->stride + 1, (size - s->kernel) / s->stride + 1, c);
        break;
    case HY_RESIZE:
        call->resize.mode = HY_RESIZE_BILINEAR;
        call->resize.half_pixel_centers = true;
        call->out = dense(4, 1, size * s->stride, size * s->stride, c);
        break;
    case HY_UNARY:
        call->unary.op = HY_RELU;
        break;
    case HY_BINARY:
        call->binary.op = HY_ADD;
        call->in[call->input_count++] = image;
        break;
    case HY_SCALE_SHIFT:
        call->in[call->input_count++] = vector_for(&image);
        call->in[call->input_count++] = vector_for(&image);
        break;
    case HY_BATCH_NORM_FOLD:
        for (call->input_count = 0; call->input_count < 2; call->input_count++)
            call->in[call->input_count] = dense(1, c, 0, 0, 0);
        call->out = dense(1, c, 0, 0, 0);
        break;
    case HY_REDUCE: /* [c, pixels] by strides, to [c] */
        call->reduce.op = HY_REDUCE_MEAN;
        call->reduce.kept = 1;
        call->in[0] = dense(2, c, size * size, 0, 0);
        call->in[0].strides[0] = 1;
        call->in[0].strides[1] = c;
        call->out = dense(1, c, 0, 0, 0);
        break;
    case HY_COPY:
        call->in[0].dims[1] = call->out.dims[1] = c;
        call->in[0].dims[2] = call->in[0].dims[3] = call->out.dims[2] = call->out.dims[3] = size;
        call->in[0].strides[1] = 1;
        call->in[0].strides[2] = size * c;
        call->in[0].strides[3] = c;
        call->out.strides[1] = size * size;
        call->out.strides[2] = size;
        break;
    case HY_CAST:
        call->in[0].dtype = HAYA_UINT8;
        break;
    case HY_SELECT:
        call->in[0].dtype = HAYA_BOOL;
        call->in[call->input_count++] = image;
        call->in[call->input_count++] = image;
        break;
    case HY_GATHER:
        call->in[call->input_count] = dense(2, 1, size, 0, 0);
        call->in[call->input_count++].dtype = HAYA_INT32;
        break;
    default:
        break;
    }
}

static hy_call make_call(const bench_shape *s)
{
    hy_call call = {.family = s->family};
    if (s->family >= HY_MATMUL && s->family <= HY_DEPTHWISE)
        add_operands(s, &call);
    else
        add_image(s, &call);
    hy_call_assert(&call);
    return call;
}

/* Memory for an operand, `skew` bytes beyond an aligned address: floats from -1 to 1, zeros of other types. */
static void *fill(const hy_view *view, size_t skew, void **allocated)
{
    size_t count = (size_t)hy_view_elements(view);
    char *memory = calloc(count + 32, sizeof(float));
    if (!memory) {
        printf("no memory for a bench\n");
        exit(1);
    }
    *allocated = memory;
    memory += (64 - (uintptr_t)memory % 64) + skew;
    for (size_t i = 0; i < count && view->dtype == HAYA_FLOAT32; i++) {
        float value = (float)((i * 2654435761U >> 8) % 2001) / 1000 - 1;
        memcpy(memory + i * sizeof value, &value, sizeof value);
    }
    return memory;
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

/* Of the processor's time stamp counter, whose rate is fixed whatever the clock's is; 0 where there is none. */
static uint64_t cycles(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
}

static void bench(const bench_shape *s, const hy_kernel *kernel, const hy_call *call, hy_team *team)
{
    enum { most = 25 };
    void *allocated[HY_CALL_INPUTS + 1];
    const void *in[HY_CALL_INPUTS];
    uint64_t times[most], total = 0, fewest = UINT64_MAX;
    int runs = 0;
    for (int i = 0; i < call->input_count; i++)
        in[i] = fill(&call->in[i], i == 1 ? 13 : 0, &allocated[i]); /* parameters in a file lie anywhere */
    void *out = fill(&call->out, 0, &allocated[call->input_count]);
    size_t bytes = kernel->scratch ? kernel->scratch(call, hy_team_size(team)) : 0;
    haya_host host;
    hy_host_resolve(NULL, &host, NULL);
    void *scratch = hy_alloc(&host, bytes);
    kernel->run(call, in, out, scratch, team);
    while (runs < most && (runs < 3 || total < 300000000)) {
        uint64_t begin = now(team), first = cycles();
        kernel->run(call, in, out, scratch, team);
        uint64_t taken = cycles() - first;
        times[runs] = now(team) - begin;
        total += times[runs++];
        fewest = taken < fewest ? taken : fewest;
    }
    qsort(times, (size_t)runs, sizeof *times, compare);
    double median = (double)times[runs / 2], best = (double)times[0];
    bool products = s->family >= HY_MATMUL && s->family <= HY_DEPTHWISE; /* all others: what is read and written */
    double work = (double)(products ? hy_call_flops(call) : hy_call_bytes(call));
    printf("%-18s %4lld %5lld %5lld  %dx%d/%d  %-22s %-8s %9.3f ms %12llu cycles %7.1f %s (best %.1f)\n", s->name,
           (long long)s->size, (long long)s->ci, (long long)s->co, s->kernel, s->kernel, s->stride, kernel->name,
           hy_isa_name(kernel->isa), median * 1e-6, (unsigned long long)fewest, work / median,
           products ? "GFLOP/s" : "GB/s", work / best);
    fflush(stdout);
    hy_free(&host, scratch, bytes);
    for (int i = 0; i <= call->input_count; i++)
        free(allocated[i]);
}

void bench_kernels(int threads, const char *part)
{
    hy_team *team = NULL;
    if (threads > 1 && hy_team_create(threads, NULL, NULL, &team, NULL) != HAYA_OK) {
        printf("no threads for a bench\n");
        exit(1);
    }
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
}
