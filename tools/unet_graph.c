/* SPDX-License-Identifier: Apache-2.0 */
#include "unet_graph.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct builder {
    graph *g;
    const unet_options *options;
    unet_counts *counts;
    uint64_t random;
    int64_t layers[6]; /* how many of each kind have been named */
} builder;

typedef enum layer_kind { CONV, CONV_TRANSPOSE, POOL, UPSAMPLE, CONCAT, NORM } layer_kind;

/* A node's output on its way through the network; sizes are -1 where open. */
typedef struct image {
    char name[80];
    int64_t height, width, channels;
} image;

typedef enum activation { NO_ACTIVATION, RELU, SIGMOID } activation;

typedef struct conv_options {
    int64_t size; /* of the kernel, both ways */
    int64_t channels;
    activation activation;
    bool batch_norm;
    float gain;   /* scales the kernel's deviation sqrt(2 / fan-in) */
} conv_options;

/* "layer/suffix" */
static void join(char *to, size_t size, const char *layer, const char *suffix) {
    snprintf(to, size, "%s/%s", layer, suffix);
}

/* Keras numbers layers of a kind: "conv2d", "conv2d_1", "conv2d_2". */
static void name_layer(builder *b, layer_kind kind, char *to, size_t size) {
    static const char *const base[] = {"conv2d", "conv2d_transpose", "max_pooling2d", "up_sampling2d",
                                       "concatenate", "batch_normalization"};
    int64_t number = b->options->first_name + b->layers[kind]++;
    if (number == 0) {
        snprintf(to, size, "%s", base[kind]);
    } else {
        snprintf(to, size, "%s_%" PRId64, base[kind], number);
    }
}

/* Begins the node "layer/op" that reads `x` first, and makes it `x`. */
static void apply(builder *b, const char *layer, const char *op, image *x) {
    char name[sizeof x->name];
    join(name, sizeof name, layer, op);
    graph_node(b->g, name, op);
    graph_input(b->g, x->name);
    memcpy(x->name, name, sizeof name);
}

static void put_ints(builder *b, const char *name, const int64_t *values, size_t count, bool scalar) {
    graph_node(b->g, name, "Const");
    graph_attr_type(b->g, "dtype", GRAPH_INT32);
    int64_t dim = (int64_t)count;
    unsigned char *at = graph_attr_tensor(b->g, GRAPH_INT32, &dim, scalar ? 0 : 1);
    for (size_t i = 0; i < count; i++) {
        store_u32(at + 4 * i, (uint32_t)values[i]);
    }
}

/* ---- Parameters --------------------------------------------------------------------------------------------- */

/* The sum of four uniform 16-bit numbers less its mean, close to normal. Integer arithmetic, one rounding at the
   scaling and a square root that IEEE 754 defines exactly make a seed's parameters the same on every machine. */
static int32_t random_bell(uint64_t *state) {
    uint64_t bits = random_next(state);
    return (int32_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)) - 2 * 0xffff;
}

#define BELL_DEVIATION 37837.22f /* 65536 * sqrt(4 / 12) */

/* The variable `layer/suffix` of that mean and deviation. Only positive values where `positive`: variances. */
static void parameter(builder *b, const char *layer, const char *suffix, const int64_t *dims, size_t rank,
                      float mean, float deviation, bool positive) {
    char name[96], read[104], class_name[112];
    join(name, sizeof name, layer, suffix);
    join(read, sizeof read, name, "read");
    snprintf(class_name, sizeof class_name, "loc:@%s", name);

    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        count *= (size_t)dims[i];
    }
    graph_node(b->g, name, "Const");
    graph_attr_type(b->g, "dtype", GRAPH_FLOAT);
    unsigned char *at = graph_attr_tensor(b->g, GRAPH_FLOAT, dims, rank);
    float scale = deviation / BELL_DEVIATION;
    uint64_t state = b->random;
    for (size_t i = 0; i < count; i++) {
        float offset = (float)random_bell(&state) * scale;
        store_f32(at + 4 * i, mean + (positive && offset < 0.0f ? -offset : offset));
    }
    b->random = state;
    b->counts->parameters += (int64_t)count;

    graph_node(b->g, read, "Identity");
    graph_input(b->g, name);
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    graph_attr_strings(b->g, "_class", class_name);
}

/* ---- Layers ------------------------------------------------------------------------------------------------- */

static void put_strides(builder *b, int64_t stride) {
    graph_attr_string(b->g, "data_format", "NHWC");
    graph_attr_string(b->g, "padding", "SAME");
    graph_attr_ints(b->g, "strides", (int64_t[]){1, stride, stride, 1}, 4);
}

static void put_conv_attrs(builder *b, int64_t stride) {
    put_strides(b, stride);
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    graph_attr_ints(b->g, "dilations", (int64_t[]){1, 1, 1, 1}, 4);
    graph_attr_ints(b->g, "explicit_paddings", NULL, 0);
    graph_attr_bool(b->g, "use_cudnn_on_gpu", true);
}

static void bias(builder *b, const char *layer, image *x) {
    char read[96];
    parameter(b, layer, "bias", &x->channels, 1, 0.0f, 0.05f, false);
    join(read, sizeof read, layer, "bias/read");
    apply(b, layer, "BiasAdd", x);
    graph_input(b->g, read);
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    graph_attr_string(b->g, "data_format", "NHWC");
}

static void batch_norm(builder *b, image *x) {
    static const struct {
        const char *name;
        float mean, deviation;
        bool positive;
    } parts[] = {{"gamma", 1.0f, 0.1f, false},
                 {"beta", 0.0f, 0.05f, false},
                 {"moving_mean", 0.0f, 0.1f, false},
                 {"moving_variance", 0.8f, 0.3f, true}};
    char layer[32], read[96];
    name_layer(b, NORM, layer, sizeof layer);
    for (size_t i = 0; i < 4; i++) {
        parameter(b, layer, parts[i].name, &x->channels, 1, parts[i].mean, parts[i].deviation, parts[i].positive);
    }
    apply(b, layer, "FusedBatchNormV3", x);
    for (size_t i = 0; i < 4; i++) {
        snprintf(read, sizeof read, "%s/%s/read", layer, parts[i].name);
        graph_input(b->g, read);
    }
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    graph_attr_type(b->g, "U", GRAPH_FLOAT);
    graph_attr_string(b->g, "data_format", "NHWC");
    graph_attr_float(b->g, "epsilon", 0.001f);
    graph_attr_float(b->g, "exponential_avg_factor", 1.0f);
    graph_attr_bool(b->g, "is_training", false);
}

/* A 'same' convolution with bias; `layer` NULL: numbered. */
static void conv(builder *b, const char *layer, image *x, const conv_options *options) {
    char numbered[32], read[96];
    if (!layer) {
        name_layer(b, CONV, numbered, sizeof numbered);
        layer = numbered;
    }
    int64_t dims[] = {options->size, options->size, x->channels, options->channels};
    float fan_in = (float)(options->size * options->size * x->channels);
    parameter(b, layer, "kernel", dims, 4, 0.0f, options->gain * sqrtf(2.0f / fan_in), false);
    join(read, sizeof read, layer, "kernel/read");

    apply(b, layer, "Conv2D", x);
    graph_input(b->g, read);
    put_conv_attrs(b, 1);
    x->channels = options->channels;
    b->counts->convolutions++;

    bias(b, layer, x);
    if (options->batch_norm) {
        batch_norm(b, x);
    }
    if (options->activation != NO_ACTIVATION) {
        apply(b, layer, options->activation == RELU ? "Relu" : "Sigmoid", x);
        graph_attr_type(b->g, "T", GRAPH_FLOAT);
    }
}

static void two_convs(builder *b, image *x, int64_t channels) {
    conv_options options = {3, channels, RELU, b->options->batch_norm, 1.0f};
    conv(b, NULL, x, &options);
    conv(b, NULL, x, &options);
}

static void pool(builder *b, image *x) {
    char layer[32];
    name_layer(b, POOL, layer, sizeof layer);
    apply(b, layer, "MaxPool", x);
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    put_strides(b, 2);
    graph_attr_ints(b->g, "ksize", (int64_t[]){1, 2, 2, 1}, 4);
    if (x->height > 0) {
        x->height /= 2;
        x->width /= 2;
    }
}

/* "layer/Shape": the shape of `x` at run time. */
static void shape_node(builder *b, const char *layer, const char *x) {
    char name[96];
    join(name, sizeof name, layer, "Shape");
    graph_node(b->g, name, "Shape");
    graph_input(b->g, x);
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    graph_attr_type(b->g, "out_type", GRAPH_INT32);
}

/* Dimensions [from, to) of "layer/Shape", or the scalar of dimension `from`. */
static void slice_shape(builder *b, const char *layer, const char *slice, int64_t from, int64_t to, bool scalar) {
    static const char *const suffix[] = {"stack", "stack_1", "stack_2"};
    static const char *const masks[] = {"begin_mask", "ellipsis_mask", "end_mask", "new_axis_mask"};
    int64_t values[] = {from, to, 1};
    char name[80], shape[96], inputs[3][96];
    join(name, sizeof name, layer, slice);
    join(shape, sizeof shape, layer, "Shape");
    for (size_t i = 0; i < 3; i++) {
        join(inputs[i], sizeof inputs[i], name, suffix[i]);
        put_ints(b, inputs[i], &values[i], 1, false);
    }
    graph_node(b->g, name, "StridedSlice");
    graph_input(b->g, shape);
    for (size_t i = 0; i < 3; i++) {
        graph_input(b->g, inputs[i]);
    }
    graph_attr_type(b->g, "Index", GRAPH_INT32);
    graph_attr_type(b->g, "T", GRAPH_INT32);
    for (size_t i = 0; i < 4; i++) {
        graph_attr_int(b->g, masks[i], 0);
    }
    graph_attr_int(b->g, "shrink_axis_mask", scalar);
}

static void multiply_ints(builder *b, const char *name, const char *left, const char *right) {
    graph_node(b->g, name, "Mul");
    graph_input(b->g, left);
    graph_input(b->g, right);
    graph_attr_type(b->g, "T", GRAPH_INT32);
}

/* Twice the height and width: a constant size, or one computed from the shape at run time. */
static void resize(builder *b, image *x, const char *op) {
    char layer[32], size[80];
    name_layer(b, UPSAMPLE, layer, sizeof layer);
    if (x->height > 0) {
        x->height *= 2;
        x->width *= 2;
        join(size, sizeof size, layer, "size");
        put_ints(b, size, (int64_t[]){x->height, x->width}, 2, false);
    } else {
        char slice[80], two[80];
        shape_node(b, layer, x->name);
        slice_shape(b, layer, "strided_slice", 1, 3, false);
        join(slice, sizeof slice, layer, "strided_slice");
        join(two, sizeof two, layer, "Const");
        put_ints(b, two, (int64_t[]){2, 2}, 2, false);
        join(size, sizeof size, layer, "mul");
        multiply_ints(b, size, slice, two);
    }
    apply(b, layer, op, x);
    graph_input(b->g, size);
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    graph_attr_bool(b->g, "align_corners", false);
    graph_attr_bool(b->g, "half_pixel_centers", true);
}

/* The output's shape, which a transposed convolution is told: a constant or packed at run time. */
static void transpose_shape(builder *b, const char *layer, const image *x, int64_t channels, char *to,
                            size_t size) {
    if (b->options->batch == 1 && x->height > 0) {
        join(to, size, layer, "input_sizes");
        put_ints(b, to, (int64_t[]){1, 2 * x->height, 2 * x->width, channels}, 4, false);
        return;
    }
    char dims[4][80], two[80];
    shape_node(b, layer, x->name);
    slice_shape(b, layer, "strided_slice", 0, 1, true);
    join(dims[0], sizeof dims[0], layer, "strided_slice");
    for (int64_t i = 1; i <= 2; i++) {
        if (x->height > 0) {
            join(dims[i], sizeof dims[i], layer, i == 1 ? "stack/1" : "stack/2");
            put_ints(b, dims[i], (int64_t[]){2 * (i == 1 ? x->height : x->width)}, 1, true);
            continue;
        }
        char slice[48], sliced[80];
        snprintf(slice, sizeof slice, "strided_slice_%d", (int)i);
        slice_shape(b, layer, slice, i, i + 1, true);
        join(sliced, sizeof sliced, layer, slice);
        join(dims[i], sizeof dims[i], layer, i == 1 ? "mul" : "mul_1");
        join(two, sizeof two, layer, i == 1 ? "mul/y" : "mul_1/y");
        put_ints(b, two, (int64_t[]){2}, 1, true);
        multiply_ints(b, dims[i], sliced, two);
    }
    join(dims[3], sizeof dims[3], layer, "stack/3");
    put_ints(b, dims[3], &channels, 1, true);
    join(to, size, layer, "stack");
    graph_node(b->g, to, "Pack");
    for (size_t i = 0; i < 4; i++) {
        graph_input(b->g, dims[i]);
    }
    graph_attr_int(b->g, "N", 4);
    graph_attr_type(b->g, "T", GRAPH_INT32);
    graph_attr_int(b->g, "axis", 0);
}

static void conv_transpose(builder *b, image *x, int64_t channels) {
    char layer[32], read[96], sizes[80], name[80];
    name_layer(b, CONV_TRANSPOSE, layer, sizeof layer);
    /* With stride 2 each output sees one of the kernel's 2x2 positions. */
    parameter(b, layer, "kernel", (int64_t[]){2, 2, channels, x->channels}, 4, 0.0f,
              sqrtf(1.0f / (float)x->channels), false);
    join(read, sizeof read, layer, "kernel/read");
    transpose_shape(b, layer, x, channels, sizes, sizeof sizes);

    join(name, sizeof name, layer, "conv2d_transpose");
    graph_node(b->g, name, "Conv2DBackpropInput");
    graph_input(b->g, sizes);
    graph_input(b->g, read);
    graph_input(b->g, x->name);
    put_conv_attrs(b, 2);
    memcpy(x->name, name, sizeof name);
    x->channels = channels;
    if (x->height > 0) {
        x->height *= 2;
        x->width *= 2;
    }
    b->counts->convolutions++;
    bias(b, layer, x);
}

static void concat(builder *b, const image *skip, image *x) {
    char layer[32], axis[80], name[80];
    name_layer(b, CONCAT, layer, sizeof layer);
    join(axis, sizeof axis, layer, "concat/axis");
    put_ints(b, axis, (int64_t[]){3}, 1, true);
    join(name, sizeof name, layer, "concat");
    graph_node(b->g, name, "ConcatV2");
    graph_input(b->g, skip->name);
    graph_input(b->g, x->name);
    graph_input(b->g, axis);
    graph_attr_int(b->g, "N", 2);
    graph_attr_type(b->g, "T", GRAPH_FLOAT);
    graph_attr_type(b->g, "Tidx", GRAPH_INT32);
    memcpy(x->name, name, sizeof name);
    x->channels += skip->channels;
}

static void upsample(builder *b, image *x, int64_t channels) {
    unet_upsample kind = b->options->upsample;
    if (kind == UNET_TRANSPOSE) {
        conv_transpose(b, x, channels);
        return;
    }
    resize(b, x, kind == UNET_BILINEAR ? "ResizeBilinear" : "ResizeNearestNeighbor");
    conv_options options = {kind == UNET_NEAREST2 ? 2 : 3, channels, RELU, false, 1.0f};
    conv(b, NULL, x, &options);
}

void unet_build(graph *g, const unet_options *options, unet_counts *counts) {
    *counts = (unet_counts){0};
    builder b = {g, options, counts, options->seed, {0}};
    image x = {"", options->height, options->size_width, options->channels};
    image skips[16];

    snprintf(x.name, sizeof x.name, "input_%" PRId64, options->first_name + 1);
    graph_node(g, x.name, "Placeholder");
    graph_attr_type(g, "dtype", GRAPH_FLOAT);
    graph_attr_shape(g, "shape", (int64_t[]){options->batch, x.height, x.width, x.channels}, 4);

    for (int64_t level = 0; level < options->levels; level++) {
        if (level > 0) {
            pool(&b, &x);
        }
        two_convs(&b, &x, options->width << level);
        skips[level] = x;
    }
    for (int64_t level = options->levels - 2; level >= 0; level--) {
        upsample(&b, &x, options->width << level);
        concat(&b, &skips[level], &x);
        two_convs(&b, &x, options->width << level);
    }
    /* The gain spreads the probabilities over (0, 1). */
    conv_options last = {1, options->outputs, SIGMOID, false, 3.0f};
    conv(&b, "output", &x, &last);
}
