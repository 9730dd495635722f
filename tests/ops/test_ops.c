/* SPDX-License-Identifier: Apache-2.0
 *
 * Every recorded case of every operation (README.md here) against TensorFlow's result: read, bound, planned and run
 * through the public interface, inputs and expected results included, on one thread and on three, which must agree
 * to the bit.
 *
 *     test_ops FILE.pb...
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haya/haya.h"

/* How far a result may be from TensorFlow's. */
typedef enum measure {
    EXACT,   /* equal, -0 being 0; TensorFlow flushes denormals, so that 2e-38 is nothing */
    ELEMENT, /* |a - b| <= tolerance * |b| for each element */
    NORM     /* ||a - b|| <= tolerance * ||b||; and no element further than 8 * tolerance * max |b| */
} measure;

typedef struct tolerance {
    const char *file; /* of the recorded cases, without ".pb" */
    measure measure;
    double tolerance;
} tolerance;

/* Files that don't stand here are EXACT: they move data, compare, or round once. */
static const tolerance tolerances[] = {
    /* Sums of products: TensorFlow's order is another one. */
    {"Conv2D", NORM, 3e-6}, {"Conv2DBackpropInput", NORM, 3e-6}, {"DepthwiseConv2dNative", NORM, 3e-6},
    {"MatMul", NORM, 3e-6}, {"patterns", NORM, 1e-5}, {"AvgPool", NORM, 1e-6},
    {"FusedBatchNorm", NORM, 1e-6}, {"FusedBatchNormV2", NORM, 1e-6}, {"FusedBatchNormV3", NORM, 1e-6},
    {"Mean", NORM, 1e-5}, {"Sum", NORM, 1e-5}, /* long sums that cancel: TensorFlow's own error */
    {"Prod", ELEMENT, 2e-6}, {"AddN", NORM, 1e-6},
    {"ResizeBilinear", NORM, 1e-6}, {"Softmax", NORM, 1e-6},
    /* Approximations of functions, on both sides. */
    {"Exp", ELEMENT, 1e-6}, {"Log", ELEMENT, 1e-6},
    {"Elu", NORM, 1e-6}, {"Selu", NORM, 1e-6}, /* TensorFlow computes exp(x) - 1, which is poor near 0 */
    {"Sigmoid", ELEMENT, 1e-6}, {"Tanh", ELEMENT, 1e-6}, {"Softplus", ELEMENT, 1e-6}, {"Pow", ELEMENT, 1e-6},
    {"Rsqrt", ELEMENT, 1e-6}, {"Sqrt", ELEMENT, 2e-7}, {"RealDiv", ELEMENT, 2e-7}, {"Range", ELEMENT, 1e-6},
    {"LeakyRelu", ELEMENT, 2e-7}, {"SquaredDifference", ELEMENT, 2e-7}, {"PartitionedCall", NORM, 3e-6},
    {"Merge", NORM, 3e-6}, {"Switch", NORM, 3e-6}, /* convolutions among them */
    {"Identity", NORM, 3e-6}, {"StopGradient", NORM, 3e-6},
};

#define MAX_ENDS 16
#define NEGLIGIBLE 2e-38

typedef struct ends {
    size_t count;
    char *names[MAX_ENDS];
    haya_tensor tensors[MAX_ENDS];
} ends;

static int passed, failed;

static void report(const char *file, const char *name, const char *why)
{
    failed++;
    printf("FAILED %s: %s: %s\n", file, name, why);
}

static char *join(const char *prefix, const char *kind, size_t index)
{
    char text[512];
    snprintf(text, sizeof text, "%s/%s_%zu", prefix, kind, index);
    return strdup(text);
}

static bool has_node(const haya_model *model, const char *name)
{
    haya_node node;
    for (size_t i = 0; haya_model_node(model, i, &node) == HAYA_OK; i++)
        if (strcmp(node.name, name) == 0)
            return true;
    return false;
}

/* Names "P/kind_0", "P/kind_1", ... for which "P/presence_k" is in the file. */
static void name_ends(ends *e, const haya_model *model, const char *prefix, const char *kind, const char *presence)
{
    e->count = 0;
    for (size_t k = 0; k < MAX_ENDS; k++) {
        char *present = join(prefix, presence, k);
        if (has_node(model, present))
            e->names[e->count++] = join(prefix, kind, k);
        free(present);
    }
}

static void free_ends(ends *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free(e->names[i]);
        free(e->tensors[i].data);
    }
    *e = (ends){0};
}

/* Runs the fetches and allocates their tensors. */
static haya_status run(haya_model *model, const ends *feeds, ends *fetches, int threads, haya_error *error)
{
    haya_program *program = NULL;
    haya_weights *weights = NULL;
    haya_plan *plan = NULL;
    haya_session *session = NULL;
    haya_shape shapes[MAX_ENDS];
    for (size_t i = 0; i < feeds->count; i++)
        shapes[i] = feeds->tensors[i].shape;
    haya_program_options options = {.struct_size = sizeof options, .feeds = (const char *const *)feeds->names,
                                    .feed_count = feeds->count, .fetches = (const char *const *)fetches->names,
                                    .fetch_count = fetches->count};
    haya_session_options session_options = {.struct_size = sizeof session_options, .threads = threads};
    haya_status status = haya_program_create(model, &options, &program, error);
    if (status == HAYA_OK)
        status = haya_weights_bind(program, model, &weights, error);
    if (status == HAYA_OK)
        status = haya_plan_create(program, shapes, feeds->count, NULL, &plan, error);
    if (status == HAYA_OK)
        status = haya_session_create(&session_options, &session, error);
    if (status == HAYA_OK)
        status = haya_session_reserve(session, plan, error);
    for (size_t i = 0; status == HAYA_OK && i < fetches->count; i++) {
        haya_value value;
        haya_plan_output(plan, i, &value);
        fetches->tensors[i] = haya_tensor_dense(value.dtype, value.shape, NULL);
        fetches->tensors[i].data = calloc(1, fetches->tensors[i].bytes + 1);
    }
    if (status == HAYA_OK)
        status = haya_run(session, plan, weights, feeds->tensors, feeds->count, fetches->tensors, fetches->count,
                          error);
    haya_session_free(session);
    haya_plan_free(plan);
    haya_weights_free(weights);
    haya_program_free(program);
    return status;
}

static bool same_shape(const haya_shape *a, const haya_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

/* NULL, or what is wrong; written to `text`. */
static const char *compare_floats(const float *got, const float *want, size_t count, const tolerance *allowed,
                                  char *text, size_t size)
{
    double error = 0, norm = 0, largest = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(want[i]))
            largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)got[i] - (double)want[i]);
        bool bad;
        if (isnan(want[i]) || isinf(want[i]) || isnan(got[i]) || isinf(got[i]))
            bad = isnan(want[i]) ? !isnan(got[i]) : !(got[i] == want[i]);
        else if (allowed->measure == NORM)
            bad = difference > 8 * allowed->tolerance * largest + NEGLIGIBLE;
        else
            bad = difference > allowed->tolerance * fabs((double)want[i]) + NEGLIGIBLE;
        if (bad) {
            snprintf(text, size, "element %zu is %.9g, in TensorFlow %.9g", i, (double)got[i], (double)want[i]);
            return text;
        }
        if (isfinite(want[i])) {
            error += difference * difference;
            norm += (double)want[i] * (double)want[i];
        }
    }
    if (sqrt(error) > allowed->tolerance * sqrt(norm) + NEGLIGIBLE && allowed->measure == NORM) {
        snprintf(text, size, "relative L2 error %.3g", sqrt(error / norm));
        return text;
    }
    return NULL;
}

static const char *compare(const haya_tensor *got, const haya_tensor *want, const tolerance *allowed, char *text,
                           size_t size)
{
    if (got->dtype != want->dtype) {
        snprintf(text, size, "dtype %s, in TensorFlow %s", haya_dtype_name(got->dtype), haya_dtype_name(want->dtype));
        return text;
    }
    if (!same_shape(&got->shape, &want->shape))
        return "another shape than in TensorFlow";
    if (got->dtype == HAYA_FLOAT32)
        return compare_floats(got->data, want->data, want->bytes / 4, allowed, text, size);
    return memcmp(got->data, want->data, want->bytes) ? "differs from TensorFlow" : NULL;
}

static void run_case(haya_model *model, const char *file, const char *prefix, const tolerance *allowed)
{
    char text[200];
    haya_error error = {0};
    ends none = {0}, values = {0}, inputs = {0}, wants = {0}, outs = {0}, again = {0};
    const char *why = NULL;
    name_ends(&values, model, prefix, "feed", "feed");
    name_ends(&inputs, model, prefix, "in", "feed");
    name_ends(&wants, model, prefix, "want", "want");
    name_ends(&outs, model, prefix, "out", "want");
    name_ends(&again, model, prefix, "out", "want");
    if ((values.count && run(model, &none, &values, 1, &error) != HAYA_OK)
        || run(model, &none, &wants, 1, &error) != HAYA_OK) {
        why = error.message;
    } else {
        for (size_t i = 0; i < inputs.count; i++) {
            inputs.tensors[i] = values.tensors[i];
            values.tensors[i].data = NULL;
        }
        if (run(model, &inputs, &outs, 1, &error) != HAYA_OK || run(model, &inputs, &again, 3, &error) != HAYA_OK)
            why = error.message;
    }
    for (size_t i = 0; !why && i < outs.count; i++) {
        why = compare(&outs.tensors[i], &wants.tensors[i], allowed, text, sizeof text);
        if (!why && memcmp(outs.tensors[i].data, again.tensors[i].data, outs.tensors[i].bytes))
            why = "three threads give another result than one";
    }
    if (why)
        report(file, prefix, why);
    else
        passed++;
    free_ends(&values);
    free_ends(&inputs);
    free_ends(&wants);
    free_ends(&outs);
    free_ends(&again);
}

/* Cases without an expected result must be refused, with the node named. */
static void run_refused(haya_model *model, const char *file, const char *prefix)
{
    char op[512];
    snprintf(op, sizeof op, "%s/", prefix);
    char *out = join(prefix, "out", 0);
    haya_program_options options = {.struct_size = sizeof options, .fetches = (const char *const *)&out,
                                    .fetch_count = 1};
    haya_program *program;
    haya_error error = {0};
    haya_status status = haya_program_create(model, &options, &program, &error);
    if (status != HAYA_ERROR_UNSUPPORTED)
        report(file, prefix, "should be refused");
    else if (!strstr(error.message, op))
        report(file, prefix, error.message);
    else
        passed++;
    haya_program_free(program);
    free(out);
}

static const tolerance *find_tolerance(const char *path)
{
    static tolerance exact = {"", EXACT, 0};
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++)
        if (strncmp(name, tolerances[i].file, strlen(tolerances[i].file)) == 0
            && strcmp(name + strlen(tolerances[i].file), ".pb") == 0)
            return &tolerances[i];
    return &exact;
}

static void run_file(const char *path)
{
    haya_model *model;
    haya_error error;
    haya_node node;
    int before = passed + failed;
    if (haya_model_open(path, NULL, &model, &error) != HAYA_OK) {
        report(path, "open", error.message);
        return;
    }
    for (size_t i = 0; haya_model_node(model, i, &node) == HAYA_OK; i++) {
        size_t length = strlen(node.name);
        if (length < 6 || strcmp(node.name + length - 6, "/out_0") != 0)
            continue;
        char *prefix = strndup(node.name, length - 6);
        char *want = join(prefix, "want", 0);
        if (has_node(model, want))
            run_case(model, path, prefix, find_tolerance(path));
        else
            run_refused(model, path, prefix);
        free(want);
        free(prefix);
    }
    haya_model_close(model);
    if (passed + failed == before)
        report(path, "cases", "there are none");
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
