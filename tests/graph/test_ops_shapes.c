/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape rules: sizes at the edges, and refusals. What ordinary operands give is in tests/ops.
 */
#include "ops_node.h"

#define HUGE_DIM ((int64_t)1 << 60)

/* ---- Windows ------------------------------------------------------------------------------------------------- */

static test_node conv(haya_shape image, haya_shape filter, const char *padding)
{
    test_node n = node_of("Conv2D");
    add_float(&n, image);
    add_float(&n, filter);
    set_list(&n, "strides", 1, 1, 1, 1);
    set_string(&n, "padding", padding);
    return n;
}

static void windows_that_fit(void)
{
    test_node n = conv(S(1, 2, 5, 3), S(3, 3, 3, 4), "VALID");
    CHECK_STR(shape_of(&n, 0), "[1, 0, 3, 4]");
    n = conv(S(1, 2, 5, 3), S(4, 3, 3, 4), "VALID");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "a window of height 4 doesn't fit into 2");
    n = conv(S(1, 0, 5, 3), S(3, 3, 3, 4), "SAME");
    CHECK_STR(shape_of(&n, 0), "[1, 0, 5, 4]");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "SAME");
    set_list(&n, "strides", 1, 2, 4, 1);
    CHECK_STR(shape_of(&n, 0), "[1, 5, 3, 4]");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "EXPLICIT");
    set_list(&n, "explicit_paddings", 0, 0, 1, 2, 0, 3, 0, 0);
    CHECK_STR(shape_of(&n, 0), "[1, 10, 10, 4]");
}

static void windows_that_are_refused(void)
{
    test_node n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "SAME");
    set_list(&n, "strides", 1, 0, 1, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "strides has 0");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "SAME");
    set_list(&n, "strides", 1, 1, 1, 2);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_UNSUPPORTED), "strides other than 1 for batch or channels");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "SAME");
    set_list(&n, "strides", 1, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "strides has 2 numbers");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "same");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_UNSUPPORTED), "padding 'same'");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "SAME");
    set_string(&n, "data_format", "NCHW_VECT_C");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_UNSUPPORTED), "data_format 'NCHW_VECT_C'");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "EXPLICIT");
    set_list(&n, "explicit_paddings", 0, 0, 1, -1, 0, 0, 0, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "explicit_paddings has -1");
    n = conv(S(1, 9, 9, 3), S(3, 3, 3, 4), "SAME");
    set_list(&n, "dilations", 1, INT32_MAX, INT32_MAX, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "a window of height 4294967295");
}

static void channels_and_filters(void)
{
    test_node n = conv(S(1, 4, 4, 3), S(3, 3, 2, 8), "SAME");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[1, 4, 4, 3] and [3, 3, 2, 8]: 3 channels");
    n = conv(S(1, 4, 4, 6), S(3, 3, 2, 8), "SAME");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "8 filters can't be divided into 3 groups");
    n = conv(S(1, 4, 4, 6), S(3, 3, 2, 9), "SAME");
    CHECK_STR(shape_of(&n, 0), "[1, 4, 4, 9]");
    n = conv(S(1, 4, 4, 0), S(3, 3, 2, 9), "SAME");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "0 channels");
    n = conv(S(1, 4, 4, 2), S(3, 0, 2, 9), "SAME");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "the filter [3, 0, 2, 9] is empty");
    n = conv(S(4, 4, 2), S(3, 3, 2, 9), "SAME");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "must have rank 4");
    n = conv(S(HUGE_DIM / 16, 4, 4, 1), S(1, 1, 1, 99), "SAME");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
}

static void types_are_checked(void)
{
    test_node n = conv(S(1, 4, 4, 2), S(3, 3, 2, 9), "SAME");
    n.in[1].dtype = HAYA_FLOAT64;
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "input 1 is float64, but must be float32");
}

static test_node transposed(haya_shape filter, haya_shape gradient)
{
    test_node n = node_of("Conv2DBackpropInput");
    set_list(&n, "strides", 1, 2, 2, 1);
    set_string(&n, "padding", "SAME");
    add_float(&n, filter); /* input 0 comes with move_last_first */
    add_float(&n, gradient);
    return n;
}

static void move_last_first(test_node *n)
{
    hy_operand last = n->in[n->in_count - 1];
    memmove(n->in + 1, n->in, (size_t)(n->in_count - 1) * sizeof last);
    n->in[0] = last;
}

static void transposed_convolutions(void)
{
    test_node n = transposed(S(3, 3, 2, 4), S(1, 3, 3, 4));
    add_list(&n, 1, 6, 5, 2);
    move_last_first(&n);
    CHECK_STR(shape_of(&n, 0), "[1, 6, 5, 2]");
    n = transposed(S(3, 3, 2, 4), S(1, 3, 3, 4));
    add_list(&n, 6, 5);
    move_last_first(&n);
    CHECK_STR(shape_of(&n, 0), "[1, 6, 5, 2]");
    n = transposed(S(3, 3, 2, 4), S(1, 3, 3, 4));
    add_list(&n, 1, 7, 5, 2);
    move_last_first(&n);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[1, 7, 5, 2] takes 1 images of 4 x 3, not [1, 3, 3, 4]");
    n = transposed(S(3, 3, 2, 4), S(1, 3, 3, 4));
    add_list(&n, 1, 6, 5, 3);
    move_last_first(&n);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "3 channels");
    n = transposed(S(3, 3, 2, 4), S(1, 3, 3, 4));
    add_list(&n, 1, 6, 5, 4);
    move_last_first(&n);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_UNSUPPORTED), "in groups");
    n = transposed(S(3, 3, 2, 4), S(1, 3, 3, 4));
    add_list(&n, 1, -6, 5, 2);
    move_last_first(&n);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "input_sizes has -6");
    n = transposed(S(3, 3, 2, 4), S(1, 3, 3, 4));
    add_list(&n, 1, HUGE_DIM, HUGE_DIM, 2);
    move_last_first(&n);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
}

static void pools(void)
{
    test_node n = node_of("MaxPool");
    add_float(&n, S(1, 5, 5, 2));
    set_list(&n, "ksize", 1, 2, 2, 1);
    set_list(&n, "strides", 1, 2, 2, 1);
    set_string(&n, "padding", "EXPLICIT");
    set_list(&n, "explicit_paddings", 0, 0, 2, 0, 0, 0, 0, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "smaller than the window");
    n = node_of("AvgPool");
    add_float(&n, S(0, 5, 5, 2));
    set_list(&n, "ksize", 1, 2, 2, 1);
    set_list(&n, "strides", 1, 2, 2, 1);
    set_string(&n, "padding", "VALID");
    CHECK_STR(shape_of(&n, 0), "[0, 2, 2, 2]");
    n = node_of("MaxPoolV2");
    add_float(&n, S(1, 5, 5, 2));
    add_list(&n, 1, 3, 3, 1);
    add_list(&n, 1, 2, 2, 1);
    set_string(&n, "padding", "SAME");
    CHECK_STR(shape_of(&n, 0), "[1, 3, 3, 2]");
}

/* ---- Element by element -------------------------------------------------------------------------------------- */

static void broadcasting(void)
{
    test_node n = node_of("AddV2");
    add_float(&n, S(2, 1, 3));
    add_float(&n, S(4, 1));
    CHECK_STR(shape_of(&n, 0), "[2, 4, 3]");
    n = node_of("AddV2");
    add_float(&n, S(1, 3));
    add_float(&n, S(0, 3));
    CHECK_STR(shape_of(&n, 0), "[0, 3]");
    n = node_of("AddV2");
    add_float(&n, S(2, 3));
    add_float(&n, S(2));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[2, 3] and [2] can't be broadcast");
    n = node_of("Mul");
    add_float(&n, S(HUGE_DIM, 1));
    add_float(&n, S(1, HUGE_DIM));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
    n = node_with("Equal", 1, HAYA_BOOL);
    add_float(&n, S(2, 3));
    add_float(&n, S(2));
    set_bool(&n, "incompatible_shape_error", false);
    CHECK_STR(shape_of(&n, 0), "[]");
}

static void choices(void)
{
    test_node n = node_of("Select");
    add_operand(&n, HAYA_BOOL, S(2), NULL);
    add_float(&n, S(2, 3));
    add_float(&n, S(2, 3));
    CHECK_STR(shape_of(&n, 0), "[2, 3]");
    n = node_of("Select");
    add_operand(&n, HAYA_BOOL, S(3), NULL);
    add_float(&n, S(2, 3));
    add_float(&n, S(2, 3));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "can't choose by [3]");
    n = node_of("Select");
    add_operand(&n, HAYA_BOOL, S(1), NULL);
    add_float(&n, SCALAR);
    add_float(&n, SCALAR);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "can't choose by [1]");
    n = node_of("SelectV2");
    add_float(&n, S(1));
    add_float(&n, SCALAR);
    add_float(&n, SCALAR);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "input 0 is float32, but must be bool");
}

static test_node reduction(haya_shape shape)
{
    test_node n = node_of("Sum");
    add_float(&n, shape);
    return n;
}

static void reductions(void)
{
    test_node n = reduction(S(2, 3, 4));
    add_list(&n, -1, 0);
    CHECK_STR(shape_of(&n, 0), "[3]");
    n = reduction(S(2, 3, 4));
    add_number(&n, 1);
    set_bool(&n, "keep_dims", true);
    CHECK_STR(shape_of(&n, 0), "[2, 1, 4]");
    n = reduction(S(2, 3, 4));
    add_list(&n, 0, -3);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "axis 0 is given twice");
    n = reduction(S(2, 3, 4));
    add_list(&n, 3);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "axis 3 is outside a rank of 3");
}

static void products_and_channels(void)
{
    test_node n = node_of("MatMul");
    add_float(&n, S(3, 2));
    add_float(&n, S(4, 3));
    set_bool(&n, "transpose_a", true);
    set_bool(&n, "transpose_b", true);
    CHECK_STR(shape_of(&n, 0), "[2, 4]");
    n = node_of("MatMul");
    add_float(&n, S(3, 2));
    add_float(&n, S(3, 4));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "2 columns, but 3 rows");
    n = node_of("BiasAdd");
    add_float(&n, S(2, 4, 4, 3));
    add_float(&n, S(4));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "each of 3 channels");
    n = node_of("FusedBatchNormV3");
    add_float(&n, S(2, 4, 4, 3));
    for (int i = 0; i < 4; i++)
        add_float(&n, S(3));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_UNSUPPORTED), "batch norm is still training");
    n = node_of("@ScaleShift");
    add_float(&n, S(2, 3, 4, 4, 4));
    add_float(&n, S(3));
    add_float(&n, S(3));
    set_string(&n, "data_format", "NCDHW");
    CHECK_STR(shape_of(&n, 0), "[2, 3, 4, 4, 4]");
    n = node_of("Softmax");
    add_float(&n, SCALAR);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "scalar");
}

/* ---- Moving data --------------------------------------------------------------------------------------------- */

static void joining(void)
{
    test_node n = node_of("ConcatV2");
    set_int(&n, "N", 2);
    add_float(&n, S(2, 3));
    add_float(&n, S(2, 4));
    add_number(&n, -1);
    CHECK_STR(shape_of(&n, 0), "[2, 7]");
    n = node_of("ConcatV2");
    set_int(&n, "N", 2);
    add_float(&n, S(2, 3));
    add_float(&n, S(2, 4));
    add_number(&n, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[2, 3] and [2, 4] can't be joined along axis 0");
    n = node_of("ConcatV2");
    set_int(&n, "N", 3);
    add_float(&n, S(2, 3));
    add_float(&n, S(2, 4));
    add_number(&n, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "'N' is 3, but must be 2");
    n = node_of("Pack");
    set_int(&n, "N", 1);
    add_float(&n, S(1, 1, 1, 1, 1, 1, 1, 1));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "9 dimensions");
    n = node_of("Concat");
    set_int(&n, "N", 2);
    add_number(&n, 0);
    add_float(&n, S(HUGE_DIM * 7, 0));
    add_float(&n, S(HUGE_DIM * 7, 0));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
}

static void splitting(void)
{
    test_node n = node_with("Split", 2, HAYA_FLOAT32);
    set_int(&n, "num_split", 2);
    add_number(&n, 1);
    add_float(&n, S(2, 5));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "can't be split into 2 equal parts");
    n = node_with("SplitV", 3, HAYA_FLOAT32);
    set_int(&n, "num_split", 3);
    add_float(&n, S(2, 5));
    add_list(&n, 4, -1, 1);
    add_number(&n, 1);
    CHECK_STR(shape_of(&n, 1), "[2, 0]");
    n = node_with("SplitV", 3, HAYA_FLOAT32);
    set_int(&n, "num_split", 3);
    add_float(&n, S(2, 5));
    add_list(&n, 4, -1, -1);
    add_number(&n, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "part 2 has size -1");
    n = node_with("SplitV", 2, HAYA_FLOAT32);
    set_int(&n, "num_split", 2);
    add_float(&n, S(2, 5));
    add_list(&n, INT64_MAX, INT64_MAX);
    add_number(&n, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "part 1 has size");
    n = node_with("Unpack", 3, HAYA_FLOAT32);
    set_int(&n, "num", 3);
    add_float(&n, S(2, 3));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "can't be taken apart into 3");
}

static test_node strided(haya_shape shape, int64_t begin, int64_t end, int64_t stride)
{
    test_node n = node_of("StridedSlice");
    add_float(&n, shape);
    add_list(&n, begin);
    add_list(&n, end);
    add_list(&n, stride);
    return n;
}

static void slicing(void)
{
    test_node n = node_of("Slice");
    add_float(&n, S(2, 3));
    add_list(&n, 0, 2);
    add_list(&n, 2, 2);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "begin 2 and size 2 don't fit dimension 1 of [2, 3]");
    n = strided(S(5), INT64_MIN, INT64_MAX, INT64_MAX);
    CHECK_STR(shape_of(&n, 0), "[1]");
    n = strided(S(5), INT64_MAX, INT64_MIN, INT64_MIN);
    CHECK_STR(shape_of(&n, 0), "[1]");
    n = strided(S(5), 0, 5, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "stride 0 is 0");
    n = strided(S(5), 5, 6, 1);
    set_int(&n, "shrink_axis_mask", 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "index 5 lies outside dimension 0 of [5]");
    n = strided(SCALAR, 0, 1, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "1 indices into []");
    n = strided(SCALAR, 0, 1, 1);
    set_int(&n, "new_axis_mask", -1);
    CHECK_STR(shape_of(&n, 0), "[1]");
    n = strided(S(1, 1, 1, 1, 1, 1, 1, 1), 0, 1, 1);
    set_int(&n, "new_axis_mask", 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "9 dimensions");
}

static void padding(void)
{
    test_node n = node_of("Pad");
    add_float(&n, S(2, 3));
    add_numbers(&n, S(2, 2), (const int64_t[]){0, 1, -1, 0});
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "a padding of -1");
    n = node_of("Pad");
    add_float(&n, S(2, 3));
    add_numbers(&n, S(2, 2), (const int64_t[]){0, INT64_MAX, 0, 0});
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
    n = node_of("Pad");
    add_float(&n, S(2, 3));
    add_numbers(&n, S(4), (const int64_t[]){0, 1, 0, 0});
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "must be of shape [2, 2]");
    n = node_of("MirrorPad");
    add_float(&n, S(3));
    add_numbers(&n, S(1, 2), (const int64_t[]){3, 0});
    set_string(&n, "mode", "REFLECT");
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "too few elements");
    n = node_of("MirrorPad");
    add_float(&n, S(0, 3));
    add_numbers(&n, S(2, 2), (const int64_t[]){0, 0, 1, 1});
    set_string(&n, "mode", "SYMMETRIC");
    CHECK_STR(shape_of(&n, 0), "[0, 5]");
}

static void forms(void)
{
    test_node n = node_of("Reshape");
    add_float(&n, S(0, 2));
    add_list(&n, -1, 0);
    CHECK_STR(shape_of(&n, 0), "[2, 0]");
    n = node_of("Reshape");
    add_float(&n, S(2, 3));
    add_list(&n, 4, -1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[2, 3] doesn't have the elements of [4, ?]");
    n = node_of("Reshape");
    add_float(&n, S(2, 3));
    add_list(&n, HUGE_DIM, HUGE_DIM);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
    n = node_of("Reshape");
    add_float(&n, S(1));
    add_list(&n, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "9 values");
    n = node_of("Squeeze");
    add_float(&n, S(2, 1));
    set_list(&n, "squeeze_dims", 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "dimension 0 of [2, 1] is not 1");
    n = node_of("Transpose");
    add_float(&n, S(2, 3));
    add_list(&n, 0, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "dimension 0 is twice");
    n = node_of("SpaceToDepth");
    add_float(&n, S(1, 3, 4, 1));
    set_int(&n, "block_size", 2);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[1, 3, 4, 1] can't be divided into blocks of 2 x 2");
    n = node_of("DepthToSpace");
    add_float(&n, S(1, 3, 4, 6));
    set_int(&n, "block_size", 2);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "6 channels");
}

static void repeating_and_picking(void)
{
    test_node n = node_of("Tile");
    add_float(&n, S(2, 3));
    add_list(&n, 2, -1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "a multiple of -1");
    n = node_of("Tile");
    add_float(&n, S(2, 3));
    add_list(&n, HUGE_DIM * 4, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
    n = node_of("BroadcastTo");
    add_float(&n, S(2, 3));
    add_list(&n, 3, 2, 4);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[2, 3] can't be broadcast to [3, 2, 4]");
    n = node_of("BroadcastTo");
    add_float(&n, S(1, 3));
    add_list(&n, 3);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "[1, 3] can't be broadcast to [3]");
    n = node_of("GatherV2");
    set_type(&n, "Tindices", HAYA_INT32);
    set_int(&n, "batch_dims", 1);
    add_float(&n, S(2, 5, 3));
    add_operand(&n, HAYA_INT32, S(2, 4), NULL);
    add_number(&n, -2);
    CHECK_STR(shape_of(&n, 0), "[2, 4, 3]");
    n = node_of("GatherV2");
    set_type(&n, "Tindices", HAYA_INT32);
    set_int(&n, "batch_dims", 2);
    add_float(&n, S(2, 5, 3));
    add_operand(&n, HAYA_INT32, S(2, 5), NULL);
    add_number(&n, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "axis 1 lies within 2 batch dimensions");
    n = node_of("GatherV2");
    set_type(&n, "Tindices", HAYA_INT32);
    add_float(&n, S(2, 2, 2, 2, 2));
    add_operand(&n, HAYA_INT32, S(1, 1, 1, 1, 1), NULL);
    add_number(&n, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "9 dimensions");
}

/* ---- From numbers -------------------------------------------------------------------------------------------- */

static test_node range(int64_t start, int64_t limit, int64_t delta)
{
    test_node n = node_with("Range", 1, HAYA_INT64);
    set_type(&n, "Tidx", HAYA_INT64);
    add_number(&n, start);
    add_number(&n, limit);
    add_number(&n, delta);
    return n;
}

static void ranges(void)
{
    test_node n = range(INT64_MIN, INT64_MAX, INT64_MAX);
    CHECK_STR(shape_of(&n, 0), "[3]");
    n = range(INT64_MAX, INT64_MIN, INT64_MIN);
    CHECK_STR(shape_of(&n, 0), "[2]");
    n = range(INT64_MIN, INT64_MAX, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
    n = range(0, 1 << 30, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "MiB");
    n = range(0, 3, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "steps of 0");
    n = range(5, 3, 1);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "steps of 1 don't lead from 5 to 3");
}

static void float_ranges(void)
{
    static const float numbers[] = {0, 1, NAN, INFINITY, 1e-30f};
    static const int refused[][3] = {{0, 2, 1}, {2, 1, 1}, {0, 1, 2}, {0, 3, 1}, {0, 1, 0}, {3, 3, 1}, {0, 1, 4}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        test_node n = node_of("Range");
        set_type(&n, "Tidx", HAYA_FLOAT32);
        for (int k = 0; k < 3; k++)
            add_operand(&n, HAYA_FLOAT32, SCALAR, &numbers[refused[i][k]]);
        CHECK(build(&n) != HAYA_OK);
        hy_arena_free(&n.arena);
    }
}

static void fills_and_shapes(void)
{
    test_node n = node_of("Fill");
    add_list(&n, 2, -1);
    add_float(&n, SCALAR);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "a dimension of -1");
    n = node_of("Fill");
    add_list(&n, HUGE_DIM, HUGE_DIM);
    add_float(&n, SCALAR);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "too large");
    n = node_with("Size", 1, HAYA_INT32);
    set_type(&n, "out_type", HAYA_INT32);
    add_float(&n, S(1 << 16, 1 << 16));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "4294967296 doesn't fit into int32");
    n = node_of("OnesLike");
    add_float(&n, S(1 << 16, 1 << 16));
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_LIMIT), "MiB");
    n = node_of("ResizeBilinear");
    add_float(&n, S(1, 4, 0, 2));
    add_list(&n, 3, 3);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "no pixels");
    n = node_of("ResizeBilinear");
    add_float(&n, S(1, 4, 4, 2));
    add_list(&n, 3, 0);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_SHAPE), "two numbers above 0");
    n = node_of("ResizeBilinear");
    add_float(&n, S(1, 4, 4, 2));
    add_list(&n, 3, 3);
    set_bool(&n, "align_corners", true);
    set_bool(&n, "half_pixel_centers", true);
    CHECK_HAS(refusal_of(&n, HAYA_ERROR_UNSUPPORTED), "exclude each other");
}

int main(void)
{
    RUN(windows_that_fit);
    RUN(windows_that_are_refused);
    RUN(channels_and_filters);
    RUN(types_are_checked);
    RUN(transposed_convolutions);
    RUN(pools);
    RUN(broadcasting);
    RUN(choices);
    RUN(reductions);
    RUN(products_and_channels);
    RUN(joining);
    RUN(splitting);
    RUN(slicing);
    RUN(padding);
    RUN(forms);
    RUN(repeating_and_picking);
    RUN(ranges);
    RUN(float_ranges);
    RUN(fills_and_shapes);
    return test_summary();
}
