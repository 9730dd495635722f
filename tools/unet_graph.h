/* SPDX-License-Identifier: Apache-2.0
 *
 * A Keras-style U-Net as TensorFlow 1 freezes it: NHWC, parameters as Const nodes read through Identity nodes.
 */
#ifndef TOOLS_UNET_GRAPH_H
#define TOOLS_UNET_GRAPH_H

#include "graph_writer.h"

typedef enum unet_upsample { UNET_NEAREST3, UNET_NEAREST2, UNET_BILINEAR, UNET_TRANSPOSE } unet_upsample;

typedef struct unet_options {
    int64_t width;    /* channels of the first level, doubled at each level */
    int64_t levels;
    int64_t height;   /* -1: open, and so is size_width */
    int64_t size_width;
    int64_t channels;
    int64_t outputs;
    int64_t batch;    /* 1, or -1: open */
    int64_t first_name;
    uint64_t seed;
    unet_upsample upsample;
    bool batch_norm;
} unet_options;

typedef struct unet_counts {
    int64_t convolutions;
    int64_t parameters;
} unet_counts;

/* Appends the network to an empty graph. */
void unet_build(graph *g, const unet_options *options, unet_counts *counts);

#endif
