/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file beside a model says of it: how a picture becomes its input, and what its outputs decide. For
 * "dir/class1.pb" that is "dir/class1.json"; docs/model-json.md describes it.
 *
 * Nothing in this folder keeps state or prints. What can fail returns a status, writes one sentence to `error`,
 * which may be NULL, and creates nothing. Settings that are not being changed may be used by any number of threads.
 */
#ifndef HAYA_INSPECTION_SETTINGS_H
#define HAYA_INSPECTION_SETTINGS_H

#include <haya/haya.h>
#include <jansson.h>

#include "pictures/picture.h"

enum {
    SETTINGS_VERSION = 1,
    SETTINGS_MAX_BYTES = 1 << 20,  /* of a file */
    SETTINGS_MAX_CLASSES = 256
};

/* How a picture becomes the model's input. */
typedef struct settings_input {
    char *tensor;                  /* that pictures are given to; NULL: the model's first input */
    char *feed;                    /* its name in the model, after settings_check_model */
    double mean[3], deviation[3];  /* of red, green and blue; where there are not three channels, the first */
    double white;                  /* 0: the picture's own */
    bool bgr;                      /* blue first */
    picture_grey grey;             /* where the model does not take three channels */
    bool stretch;                  /* to the model's size; else it must have it */
} settings_input;

typedef enum settings_map_type {
    SETTINGS_MAP_OUTPUT,           /* the output itself */
    SETTINGS_MAP_RECONSTRUCTION    /* |input - output|: of a channel, or the mean over all channels */
} settings_map_type;

/* The map, one value for each pixel, that a class is judged by. */
typedef struct settings_map {
    settings_map_type type;
    char *output;                  /* a tensor's name, "node" or "node:k"; NULL: by index */
    int64_t output_index;          /* among the model's outputs */
    int32_t channel;               /* -1: the only one, or the mean of a reconstruction's */
    char *fetch;                   /* the output's name in the model, after settings_check_model */
} settings_map;

typedef enum settings_score_type {
    SETTINGS_SCORE_MAX,
    SETTINGS_SCORE_TOP_MEAN,       /* the mean of the highest `percent` of the values, at least one */
    SETTINGS_SCORE_AREA            /* how many values are `threshold` or more */
} settings_score_type;

typedef struct settings_score {
    settings_score_type type;
    double percent;                /* above 0, at most 100 */
    double threshold;
} settings_score;

typedef struct settings_class {
    char *name;                    /* UTF-8 */
    size_t place;                  /* in the list of the document, counted from 1; 0: it is new */
    picture_rgb color;
    settings_map map;
    double sigma;                  /* of the Gaussian that smooths the map, in its pixels; 0: none */
    settings_score score;
    double low, high;              /* unsure from `low`, NG from `high`; NaN, which no file has: no verdict */
} settings_class;

typedef struct settings {
    char *path;                    /* the file; NULL: there was none */
    settings_input input;
    settings_class *classes;       /* none where the file has none: see settings_complete */
    size_t class_count;
    json_t *document;              /* as read, for settings_write; NULL: nothing was */
} settings;

/* No file, no classes: x becomes (x * 255 / white - 127.5) / 127.5, red first, grey by the mean, stretched. */
settings settings_default(void);

void settings_free(settings *s); /* and empties it */

/* The name of the file beside a model, to be freed: ".pb" becomes ".json", any other name gets it appended. NULL:
   no memory. */
char *settings_path_beside(const char *model_path);

/* Reads and checks a file, which must exist. */
haya_status settings_read(const char *path, settings *s, haya_error *error);

/* The same for the file beside the model; the defaults where there is none. */
haya_status settings_read_beside(const char *model_path, settings *s, haya_error *error);

/* The same for a file's content in memory; `name` stands for the file in sentences, and becomes its path. */
haya_status settings_parse(const char *text, size_t size, const char *name, settings *s, haya_error *error);

/* Checks that the model has what the settings name, as far as its shapes are known, and fills in `feed` and each
   class's `fetch`. Sentences name the settings' file and key. */
haya_status settings_check_model(settings *s, haya_model *model, haya_error *error);

/* After settings_check_model: that the class's map can be made of an output of this shape, -1 being unknown, and
   for a reconstruction of an input of that shape, which may be NULL otherwise. A batch of any size fits. */
haya_status settings_check_map(const settings *s, size_t index, const haya_shape *output, const haya_shape *input,
                               haya_error *error);

/* After settings_check_model, for those who do not run the model: settings_check_map of every class, by the shapes
   of a plan that is made for it. A model that leaves more than the batch open, or cannot be planned, passes. */
haya_status settings_check_shapes(const settings *s, haya_model *model, haya_error *error);

/* Where there are no classes, makes one for each channel of the model's first output, of this shape; its thresholds
   are 0.5. One class is called as the model's file, of several each has its number behind it. */
haya_status settings_complete(settings *s, haya_model *model, const haya_shape *output, haya_error *error);

/* All settings, defaults included, as an object of a file. NULL: no memory. */
json_t *settings_json(const settings *s);

/* Writes them to a file, whole or not at all: what was read with what has been changed since. Keys that were absent
   stay so while they have their defaults, and a file that is there keeps its mode. One that may not be written to is
   not replaced either. */
haya_status settings_write(const settings *s, const char *path, haya_error *error);

#endif
