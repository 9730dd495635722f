/* SPDX-License-Identifier: Apache-2.0
 *
 * What calls cost, what kernels say that they carry out of it, and the loop that measures the machine's peak.
 */
#include "../test.h"
#include "kernels/kernels.h"

static hy_view dense(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t dims[4] = {a, b, c, d};
    haya_shape shape = hy_shape_make(rank, dims);
    return hy_view_dense(HAYA_FLOAT32, &shape);
}

/* 3 x 3 of stride 1 that keeps the size, with bias and relu. */
static hy_call convolution(int64_t height, int64_t width, int64_t ci, int64_t co)
{
    hy_call call = {.family = HY_CONV2D, .input_count = 3, .window = {3, 3, 1, 1, 1, 1, 1, 1},
                    .epilogue = {.shift = true, .activation = HY_RELU}};
    call.in[0] = dense(4, 1, height, width, ci);
    call.in[1] = dense(4, 3, 3, ci, co);
    call.in[2] = dense(1, co, 0, 0, 0);
    call.out = dense(4, 1, height, width, co);
    return call;
}

/* One that this processor can run: what a kernel tells of itself is built for its instruction set, too. */
static const hy_kernel *find(const char *name)
{
    const hy_kernel *kernel;
    for (size_t i = 0; (kernel = hy_kernel_list(i)); i++)
        if (kernel->isa <= hy_isa_best() && strcmp(kernel->name, name) == 0)
            return kernel;
    return NULL;
}

static void a_convolution_costs_two_operations_a_product_and_its_epilogue(void)
{
    hy_call call = convolution(8, 12, 16, 20);
    CHECK_INT(hy_call_epilogue_flops(&call), 8 * 12 * 20 * 2);
    CHECK_INT(hy_call_flops(&call), 8 * 12 * 20 * 9 * 16 * 2 + 8 * 12 * 20 * 2);
}

static void winograd_carries_out_36_products_for_each_tile(void)
{
    const hy_kernel *kernel = find("conv2d_winograd");
    if (!CHECK(kernel))
        return;
    hy_call whole = convolution(8, 12, 16, 20);
    CHECK_INT(hy_kernel_flops(kernel, &whole), 2 * 3 * 36 * 16 * 20 * 2 + 8 * 12 * 20 * 2);
    CHECK_INT((hy_call_flops(&whole) - hy_call_epilogue_flops(&whole)) /
              (hy_kernel_flops(kernel, &whole) - hy_call_epilogue_flops(&whole)), 4);
    hy_call cut = convolution(9, 13, 16, 20);
    CHECK_INT(hy_kernel_flops(kernel, &cut), 3 * 4 * 36 * 16 * 20 * 2 + 9 * 13 * 20 * 2);
}

/* 3 x 3 on an image enlarged twice reads 2 x 2 pixels. */
static void the_direct_sum_takes_each_pixel_of_an_enlarged_image_once(void)
{
    const hy_kernel *kernel = find("conv2d_direct");
    if (!CHECK(kernel))
        return;
    hy_call call = convolution(16, 32, 8, 6);
    CHECK_INT(hy_kernel_flops(kernel, &call), (long long)hy_call_flops(&call));
    call.in[0] = dense(4, 1, 8, 16, 8);
    call.upsample2 = true;
    CHECK_INT(hy_kernel_flops(kernel, &call), 16 * 32 * 6 * 4 * 8 * 2 + 16 * 32 * 6 * 2);
    call.exact = true;
    CHECK_INT(hy_kernel_flops(kernel, &call), (long long)hy_call_flops(&call));
}

static void other_kernels_carry_out_what_the_call_says(void)
{
    hy_call call = convolution(8, 12, 16, 20);
    const hy_kernel *kernel = find("conv2d_gemm");
    if (CHECK(kernel))
        CHECK_INT(hy_kernel_flops(kernel, &call), (long long)hy_call_flops(&call));
}

/* Each chain of the loop ends at 1, whatever the number of rounds beyond some, and the result is their sum: all that
   is counted is carried out. */
static void the_peak_loop_does_the_operations_it_tells_of(void)
{
    for (int isa = 0; isa <= (int)hy_isa_best(); isa++) {
        const hy_peak *peak = hy_kernel_peak((hy_isa)isa);
        if (!peak) /* a set of another processor family */
            continue;
        double chains = peak->run(1000);
        double lanes = (double)peak->flops / 2 / chains;
        CHECK(lanes == 4 || lanes == 8 || lanes == 16);
        CHECK(peak->run(1001) == chains && peak->run(0) != chains);
    }
    CHECK(hy_kernel_peak(hy_isa_best()));
}

int main(void)
{
    RUN(a_convolution_costs_two_operations_a_product_and_its_epilogue);
    RUN(winograd_carries_out_36_products_for_each_tile);
    RUN(the_direct_sum_takes_each_pixel_of_an_enlarged_image_once);
    RUN(other_kernels_carry_out_what_the_call_says);
    RUN(the_peak_loop_does_the_operations_it_tells_of);
    return test_summary();
}
