/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes a U-Net of random parameters as a TensorFlow frozen graph, to measure and test with: the same options give
 * the same file on every machine.
 */
#include "unet_graph.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: make_unet [options] OUT.pb\n"
    "\n"
    "Writes a U-Net of random parameters as a TensorFlow frozen graph.\n"
    "\n"
    "  --width N        channels of the first level, doubled at each level (64)\n"
    "  --levels N       levels, 1 to 8 (5)\n"
    "  --size HxW|open  input size, divisible by 2 to the power of levels - 1 (256x256)\n"
    "  --channels N     of the input (1)\n"
    "  --outputs N      channels of the output (1)\n"
    "  --batch 1|open   batch dimension (open)\n"
    "  --upsample KIND  nearest3, nearest2: resize, then a 3x3 or 2x2 convolution (nearest3);\n"
    "                   bilinear: resize, then 3x3; transpose: 2x2 transposed convolution\n"
    "  --batch-norm     a batch normalization after each of the levels' convolutions\n"
    "  --seed N         of the parameters and of --shuffle (1)\n"
    "  --first-name N   number of the first layer of each kind in the names: conv2d_N (0)\n"
    "  --shuffle        nodes in random order\n";

typedef struct arguments {
    unet_options network;
    bool shuffle;
    const char *path;
} arguments;

static bool parse_number(const char *text, int64_t low, int64_t high, int64_t *value) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < low || number > high) {
        return false;
    }
    *value = number;
    return true;
}

static bool parse_size(const char *text, unet_options *network) {
    char height[24];
    const char *x = strchr(text, 'x');
    if (strcmp(text, "open") == 0) {
        network->height = network->size_width = -1;
        return true;
    }
    if (!x || (size_t)(x - text) >= sizeof height) {
        return false;
    }
    memcpy(height, text, (size_t)(x - text));
    height[x - text] = '\0';
    return parse_number(height, 1, 65536, &network->height) && parse_number(x + 1, 1, 65536, &network->size_width);
}

static bool parse_upsample(const char *text, unet_upsample *upsample) {
    static const char *const names[] = {"nearest3", "nearest2", "bilinear", "transpose"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *upsample = (unet_upsample)i;
            return true;
        }
    }
    return false;
}

static bool parse_batch(const char *text, int64_t *batch) {
    *batch = strcmp(text, "open") == 0 ? -1 : 1;
    return *batch == -1 || strcmp(text, "1") == 0;
}

static bool parse_option(const char *name, const char *value, unet_options *network) {
    int64_t seed;
    if (strcmp(name, "--width") == 0) {
        return parse_number(value, 1, 1024, &network->width);
    } else if (strcmp(name, "--levels") == 0) {
        return parse_number(value, 1, 8, &network->levels);
    } else if (strcmp(name, "--size") == 0) {
        return parse_size(value, network);
    } else if (strcmp(name, "--channels") == 0) {
        return parse_number(value, 1, 1024, &network->channels);
    } else if (strcmp(name, "--outputs") == 0) {
        return parse_number(value, 1, 1024, &network->outputs);
    } else if (strcmp(name, "--batch") == 0) {
        return parse_batch(value, &network->batch);
    } else if (strcmp(name, "--upsample") == 0) {
        return parse_upsample(value, &network->upsample);
    } else if (strcmp(name, "--first-name") == 0) {
        return parse_number(value, 0, 1000000, &network->first_name);
    } else if (strcmp(name, "--seed") == 0 && parse_number(value, 0, INT64_MAX, &seed)) {
        network->seed = (uint64_t)seed;
        return true;
    }
    return false;
}

/* False, with a message, where the arguments make no sense. */
static bool parse_arguments(int argc, char **argv, arguments *to) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--shuffle") == 0) {
            to->shuffle = true;
        } else if (strcmp(argv[i], "--batch-norm") == 0) {
            to->network.batch_norm = true;
        } else if (argv[i][0] == '-') {
            if (i + 1 >= argc || !parse_option(argv[i], argv[i + 1], &to->network)) {
                fprintf(stderr, "make_unet: '%s%s%s' is not an option; see make_unet --help\n", argv[i],
                        i + 1 < argc ? " " : "", i + 1 < argc ? argv[i + 1] : "");
                return false;
            }
            i++;
        } else if (to->path) {
            fprintf(stderr, "make_unet: one file is written, not both '%s' and '%s'\n", to->path, argv[i]);
            return false;
        } else {
            to->path = argv[i];
        }
    }
    if (!to->path) {
        fputs(usage, stderr);
        return false;
    }
    int64_t multiple = INT64_C(1) << (to->network.levels - 1);
    if (to->network.height > 0 && (to->network.height % multiple != 0 || to->network.size_width % multiple != 0)) {
        fprintf(stderr, "make_unet: %" PRId64 " levels need a height and width divisible by %" PRId64 "\n",
                to->network.levels, multiple);
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    arguments given = {.network = {.width = 64, .levels = 5, .height = 256, .size_width = 256, .channels = 1,
                                       .outputs = 1, .batch = -1, .seed = 1, .upsample = UNET_NEAREST3}};
    if (!parse_arguments(argc, argv, &given)) {
        return 2;
    }
    graph g = {0};
    unet_counts counts;
    unet_build(&g, &given.network, &counts);
    if (given.shuffle) {
        graph_shuffle(&g, given.network.seed);
    }
    bool ok = graph_write(&g, given.path);
    if (ok) {
        printf("%s: %" PRId64 " convolutions, %" PRId64 " parameters\n", given.path, counts.convolutions,
               counts.parameters);
    } else {
        fprintf(stderr, "make_unet: %s: %s\n", given.path, strerror(errno));
    }
    graph_free(&g);
    return ok ? 0 : 1;
}
