/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "run.h"
#include "shapes.h"

#include <math.h>

const char run_help[] =
    "usage: haya run MODEL [-i [NAME=]FILE]... [-o [NAME=]FILE]... [options]\n"
    "\n"
    "Runs a model on .npy files and pictures (PNG, JPEG, TIFF, BMP), and judges its\n"
    "maps by MODEL.json, the settings beside it. Options come before those.\n"
    "\n"
    "  -i, --input [NAME=]FILE   feed a file to an input or any tensor 'node:k';\n"
    "                            without NAME, to the next input\n"
    "  -o, --output [NAME=]FILE  write an output or any tensor to .npy, a map\n"
    "                            also to .tif and .png (--bits 8 or 16)\n"
    "  --mean X --std X --white X --bgr\n"
    "                            pictures become (x * 255 / white - mean) / std\n"
    "  --settings FILE|none      settings, or none, instead of MODEL.json\n"
    "  --heat [NAME=]FILE.png    draw the map of a class or output in colours\n"
    "  --overlay [NAME=]FILE.png the same, over the picture\n"
    "  --threshold T             say NG where a map's score is T or more\n"
    "  --threshold-low T         say unsure where it is this or more\n"
    "  --tile SIZE,OVERLAP       run a large picture in tiles, at its own size\n"
    "  --roi FILE.png|X,Y,W,H    what counts of it: where FILE is not 0; a box\n"
    "  --threads N --repeat N    threads; run N times, and tell the times\n"
    "  --json                    one JSON object on standard output\n"
    "\n"
    "Numbers are converted to the input's type; a missing batch dimension is added.\n";

enum {
    INPUT, OUTPUT, MEAN, STD, WHITE, BGR, BITS, HEAT, OVERLAY, THRESHOLD, THRESHOLD_LOW, SETTINGS, TILE, ROI,
    THREADS, REPEAT
};

static const option_spec options[] = {[INPUT] = {"input", 'i', true},
                                      [OUTPUT] = {"output", 'o', true},
                                      [MEAN] = {"mean", '\0', true},
                                      [STD] = {"std", '\0', true},
                                      [WHITE] = {"white", '\0', true},
                                      [BGR] = {"bgr", '\0', false},
                                      [BITS] = {"bits", '\0', true},
                                      [HEAT] = {"heat", '\0', true},
                                      [OVERLAY] = {"overlay", '\0', true},
                                      [THRESHOLD] = {"threshold", '\0', true},
                                      [THRESHOLD_LOW] = {"threshold-low", '\0', true},
                                      [SETTINGS] = {"settings", '\0', true},
                                      [TILE] = {"tile", '\0', true},
                                      [ROI] = {"roi", '\0', true},
                                      [THREADS] = {"threads", '\0', true},
                                      [REPEAT] = {"repeat", '\0', true},
                                      {NULL, '\0', false}};

static bool parse_positive(const arguments *args, float *number) {
    if (arguments_real(args, number) && *number > 0) {
        return true;
    }
    if (*number <= 0) {
        wrong_usage(args, "'%s' is not a number above 0", args->value);
    }
    return false;
}

static bool parse_view(run *r, const arguments *args, bool overlay) {
    view *v = &r->views[r->view_count++];
    v->overlay = overlay;
    v->target.file = split_name(args->value, &v->target.name);
    if (tensor_file_kind_of(v->target.file) != FILE_PNG) {
        wrong_usage(args, "'%s' cannot be drawn: the name must end in .png", v->target.file);
        return false;
    }
    return true;
}

static bool parse_tile(run *r, const arguments *args) {
    tile_refusal refusal;
    bool ok = tile_size_parse(args->value, &r->tile, &refusal);
    if (!ok) {
        wrong_usage(args, "%s", refusal.why);
    }
    return ok;
}

static bool parse_roi(run *r, const arguments *args) {
    roi_refusal refusal;
    bool ok = !roi_is_box(args->value) || roi_box_parse(args->value, &r->roi.box, &refusal);
    if (!ok) {
        wrong_usage(args, "%s", refusal.why);
    }
    r->roi_option = args->value;
    return ok;
}

/* What the option says; false where that is wrong, and has been reported. */
static bool parse_option(run *r, const arguments *args, int option) {
    tensor_file *item;
    switch (option) {
    case INPUT:
        item = &r->given_inputs[r->given_input_count++];
        item->file = split_name(args->value, &item->name);
        return true;
    case OUTPUT:
        item = &r->given_outputs[r->given_output_count++];
        item->file = split_name(args->value, &item->name);
        return true;
    case MEAN:
        return arguments_real(args, &r->overrides.mean);
    case STD:
        return parse_positive(args, &r->overrides.deviation);
    case WHITE:
        return parse_positive(args, &r->overrides.white);
    case BGR:
        r->overrides.bgr = true;
        return true;
    case BITS:
        if (!arguments_number(args, 8, 16, &r->bits)) {
            return false;
        }
        if (r->bits != 8 && r->bits != 16) {
            wrong_usage(args, "a PNG has 8 or 16 bits, not %s", args->value);
            return false;
        }
        return true;
    case HEAT:
    case OVERLAY:
        return parse_view(r, args, option == OVERLAY);
    case THRESHOLD:
        return arguments_real(args, &r->overrides.high);
    case THRESHOLD_LOW:
        return arguments_real(args, &r->overrides.low);
    case SETTINGS:
        r->settings_option = args->value;
        return true;
    case TILE:
        return parse_tile(r, args);
    case ROI:
        return parse_roi(r, args);
    case THREADS:
        return arguments_threads(args, &r->threads);
    case REPEAT:
        return arguments_number(args, 1, 1000000000, &r->repeat);
    case ARGUMENTS_OPERAND:
        if (r->model_path) {
            wrong_usage(args, "one model is run, not both '%s' and '%s'", r->model_path, args->value);
            return false;
        }
        r->model_path = args->value;
        return true;
    default:
        return false;
    }
}

exit_status run_parse(run *r, arguments *args) {
    args->options = options;
    r->given_inputs = allocate((size_t)args->argc, sizeof *r->given_inputs);
    r->given_outputs = allocate((size_t)args->argc, sizeof *r->given_outputs);
    r->views = allocate((size_t)args->argc, sizeof *r->views);
    r->overrides = (overrides){.mean = NAN, .deviation = NAN, .white = NAN, .low = NAN, .high = NAN};
    r->bits = 8;
    r->repeat = 1;
    for (int option; (option = arguments_next(args)) != ARGUMENTS_END;) {
        if (!parse_option(r, args, option)) {
            return WRONG_USAGE;
        }
    }
    if (!isnan(r->overrides.low) && !(r->overrides.low <= r->overrides.high)) {
        return wrong_usage(args, "--threshold-low needs a --threshold that is not below it");
    }
    return r->model_path ? DONE : wrong_usage(args, "no model is given");
}
