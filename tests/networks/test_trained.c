/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo's trained models on its pictures, against maps recorded in float64: as plans are made by default, with
 * exact sums, on one thread and on three, which must agree to the bit. README.md tells of the files.
 *
 *     networks_trained MODEL-CLASS-DEFECT-NUMBER.map...
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haya/haya.h"
#include "pictures/picture.h"
#include "test.h"

#define DEMO HAYA_SOURCE_ROOT "/demo/"
#define BOUND 1e-5 /* of the greatest difference */

enum { SIZE = 256, RECORDED_STEP = 3, RECORDED_SIZE = (SIZE + RECORDED_STEP - 1) / RECORDED_STEP };

typedef struct trained {
    haya_program *program;
    haya_weights *weights;
    haya_tensor in, map;
} trained;

static haya_error error;
static const char *recorded_path;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory) {
        printf("no memory for a test\n");
        exit(1);
    }
    return memory;
}

/* The picture as demo/README.md says that the models take it, [1, 256, 256, channels]. */
static bool read_input(const char *path, const haya_shape *shape, float *values)
{
    picture read;
    picture_error why;
    picture_input wanted = {.width = SIZE, .height = SIZE, .channels = (int)shape->dims[3]};
    for (int i = 0; i < 3; i++) {
        wanted.mean[i] = PICTURE_USUAL_MEAN;
        wanted.deviation[i] = PICTURE_USUAL_DEVIATION;
    }
    if (!CHECK(picture_read(path, NULL, &read, &why) == PICTURE_OK))
        return false;
    bool done = CHECK(picture_to_input(&read, &wanted, values, &why) == PICTURE_OK);
    picture_free(&read);
    return done;
}

/* Every third pixel of every third row from the first on, all channels, as the file has them; NULL: not so many. */
static float *read_recorded(const char *path, size_t count)
{
    float *values = allocate((count + 1) * sizeof *values);
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(values, sizeof *values, count + 1, file) : 0;
    if (file)
        fclose(file);
    if (got == count)
        return values;
    free(values);
    return NULL;
}

static bool run(const trained *t, haya_precision precision, int threads, float *map)
{
    haya_plan_options plan_options = {.struct_size = sizeof plan_options, .precision = precision};
    haya_session_options session_options = {.struct_size = sizeof session_options, .threads = threads};
    haya_plan *plan = NULL;
    haya_session *session = NULL;
    haya_tensor out = t->map;
    out.data = map;
    haya_status status = haya_plan_create(t->program, &t->in.shape, 1, &plan_options, &plan, &error);
    if (status == HAYA_OK)
        status = haya_session_create(&session_options, &session, &error);
    if (status == HAYA_OK)
        status = haya_session_reserve(session, plan, &error);
    if (status == HAYA_OK)
        status = haya_run(session, plan, t->weights, &t->in, 1, &out, 1, &error);
    haya_session_free(session);
    haya_plan_free(plan);
    return CHECK_STR(status == HAYA_OK ? "" : error.message, "");
}

/* Also tells whether there is anything to see in the map: where all is 0, nothing can be wrong. */
static double greatest_difference(const float *map, const float *recorded, int64_t channels, double *highest)
{
    double greatest = 0;
    for (int64_t y = 0; y < SIZE; y += RECORDED_STEP)
        for (int64_t x = 0; x < SIZE; x += RECORDED_STEP)
            for (int64_t c = 0; c < channels; c++) {
                double wanted = (double)*recorded++;
                double difference = fabs((double)map[(y * SIZE + x) * channels + c] - wanted);
                greatest = isnan(difference) ? INFINITY : fmax(greatest, difference);
                *highest = fmax(*highest, wanted);
            }
    return greatest;
}

static void check_maps(const trained *t, const float *recorded)
{
    int64_t channels = t->map.shape.dims[3];
    float *map = allocate(t->map.bytes), *again = allocate(t->map.bytes);
    for (int precision = HAYA_PRECISION_FAST; precision <= HAYA_PRECISION_EXACT; precision++) {
        double highest = 0;
        if (!run(t, (haya_precision)precision, 3, map) || !run(t, (haya_precision)precision, 1, again))
            break;
        double difference = greatest_difference(map, recorded, channels, &highest);
        CHECK_NEAR(difference, 0, BOUND);
        CHECK(highest > 0.5);
        CHECK(memcmp(map, again, t->map.bytes) == 0);
        printf("    %s: greatest difference %.1e\n", precision == HAYA_PRECISION_FAST ? "default" : "exact",
               difference);
    }
    free(map);
    free(again);
}

/* MODEL-CLASS-DEFECT-NUMBER.map */
static void the_map_is_as_in_float64(void)
{
    char name[20], class[20], defect[20], number[20], model_path[1000], picture_path[1000];
    const char *slash = strrchr(recorded_path, '/'), *file = slash ? slash + 1 : recorded_path;
    if (!CHECK_INT(sscanf(file, "%19[^-]-%19[^-]-%19[^-]-%19[^.].map", name, class, defect, number), 4))
        return;
    snprintf(model_path, sizeof model_path, DEMO "models/%s.pb", name);
    snprintf(picture_path, sizeof picture_path, DEMO "pictures/%s/test/%s/%s.png", class, defect, number);
    trained t = {0};
    haya_model *model;
    haya_value in;
    if (!CHECK(haya_model_open(model_path, NULL, &model, &error) == HAYA_OK))
        return;
    if (CHECK(haya_program_create(model, NULL, &t.program, &error) == HAYA_OK)
        && CHECK(haya_weights_bind(t.program, model, &t.weights, &error) == HAYA_OK)
        && CHECK(haya_program_input(t.program, 0, &in) == HAYA_OK)) {
        in.shape.dims[0] = 1;
        t.in = t.map = haya_tensor_dense(HAYA_FLOAT32, in.shape, NULL); /* a map for each of the input's channels */
        t.in.data = allocate(t.in.bytes);
        float *recorded = read_recorded(recorded_path, (size_t)(RECORDED_SIZE * RECORDED_SIZE * in.shape.dims[3]));
        if (CHECK(recorded) && read_input(picture_path, &in.shape, t.in.data))
            check_maps(&t, recorded);
        free(recorded);
        free(t.in.data);
    }
    haya_weights_free(t.weights);
    haya_program_free(t.program);
    haya_model_close(model);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        recorded_path = argv[i];
        test_run(the_map_is_as_in_float64, argv[i]);
    }
    return test_summary() || argc < 2;
}
