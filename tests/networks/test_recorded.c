/* SPDX-License-Identifier: Apache-2.0
 *
 * Every recorded network (README.md here): on both of its inputs, all recorded tensors at once and each alone, which
 * lets more be computed together; on one thread and on three, which must agree to the bit.
 *
 *     networks_recorded FILE.pb...
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haya/haya.h"

#define MAX_TENSORS 64
#define MAX_NAME 300

typedef struct tensors {
    size_t count;
    const char *names[MAX_TENSORS]; /* as the fetched tensors are called */
    haya_tensor items[MAX_TENSORS];
} tensors;

/* What one of the two inputs must give. */
typedef struct check {
    tensors feeds, wants, bounds;
    bool absolute[MAX_TENSORS]; /* the bound is on the greatest absolute difference, else on the relative L2 error */
} check;

static int passed, failed;
static haya_error error;

static void report(const char *file, const char *what, const char *why)
{
    failed++;
    printf("FAILED %s: %s: %s\n", file, what, why);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) {
        printf("out of memory\n");
        exit(1);
    }
    return memory;
}

static void tensors_free(tensors *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free((char *)t->names[i]);
        free(t->items[i].data);
    }
    t->count = 0;
}

static void check_free(check *c)
{
    tensors_free(&c->feeds);
    tensors_free(&c->wants);
    tensors_free(&c->bounds);
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

/* Allocates the plan's outputs and runs. `outs` has their names. */
static haya_status run_plan(haya_session *session, const haya_plan *plan, const haya_weights *weights,
                            const tensors *feeds, tensors *outs)
{
    haya_status status = haya_session_reserve(session, plan, &error);
    for (size_t i = 0; i < outs->count; i++) {
        haya_value value;
        haya_plan_output(plan, i, &value);
        free(outs->items[i].data);
        outs->items[i] = haya_tensor_dense(value.dtype, value.shape, NULL);
        outs->items[i].data = allocate(outs->items[i].bytes, 1);
    }
    if (status == HAYA_OK)
        status = haya_run(session, plan, weights, feeds->items, feeds->count, outs->items, outs->count, &error);
    return status;
}

static haya_status run(haya_model *model, const tensors *feeds, tensors *outs, int threads)
{
    haya_program *program = NULL;
    haya_weights *weights = NULL;
    haya_plan *plan = NULL;
    haya_session *session = NULL;
    haya_shape shapes[MAX_TENSORS];
    for (size_t i = 0; i < feeds->count; i++)
        shapes[i] = feeds->items[i].shape;
    haya_program_options options = {.struct_size = sizeof options, .feeds = feeds->names,
                                    .feed_count = feeds->count, .fetches = outs->names, .fetch_count = outs->count};
    haya_session_options session_options = {.struct_size = sizeof session_options, .threads = threads};
    haya_status status = haya_program_create(model, &options, &program, &error);
    if (status == HAYA_OK)
        status = haya_weights_bind(program, model, &weights, &error);
    if (status == HAYA_OK)
        status = haya_plan_create(program, shapes, feeds->count, NULL, &plan, &error);
    if (status == HAYA_OK)
        status = haya_session_create(&session_options, &session, &error);
    if (status == HAYA_OK)
        status = run_plan(session, plan, weights, feeds, outs);
    haya_session_free(session);
    haya_plan_free(plan);
    haya_weights_free(weights);
    haya_program_free(program);
    return status;
}

/* ---- Reading the checks --------------------------------------------------------------------------------------- */

/* "NODE__K" -> "NODE:K" */
static char *tensor_name(const char *escaped)
{
    char *name = allocate(strlen(escaped) + 1, 1);
    strcpy(name, escaped);
    for (char *at = name; (at = strstr(at, "__")); at++) {
        if (strspn(at + 2, "0123456789") == strlen(at + 2) && at[2]) {
            *at = ':';
            memmove(at + 1, at + 2, strlen(at + 2) + 1);
            return name;
        }
    }
    return name;
}

static bool has_node(const haya_model *model, const char *name)
{
    haya_node node;
    for (size_t i = 0; haya_model_node(model, i, &node) == HAYA_OK; i++)
        if (strcmp(node.name, name) == 0)
            return true;
    return false;
}

/* The Const nodes "check/<kind>/...", read by running them. */
static bool read_consts(haya_model *model, const char *kind, tensors *t)
{
    static const tensors none;
    tensors consts = {0};
    char prefix[40];
    haya_node node;
    snprintf(prefix, sizeof prefix, "check/%s/", kind);
    for (size_t i = 0; haya_model_node(model, i, &node) == HAYA_OK; i++)
        if (strncmp(node.name, prefix, strlen(prefix)) == 0 && consts.count < MAX_TENSORS)
            consts.names[consts.count++] = node.name;
    if (consts.count == 0 || run(model, &none, &consts, 1) != HAYA_OK)
        return false;
    for (size_t i = 0; i < consts.count; i++) {
        t->names[i] = tensor_name(consts.names[i] + strlen(prefix));
        t->items[i] = consts.items[i];
    }
    t->count = consts.count;
    return true;
}

/* Puts the bounds in the order of the wanted tensors. */
static bool sort_bounds(check *c)
{
    for (size_t i = 0; i < c->wants.count; i++) {
        size_t k = i;
        while (k < c->bounds.count && strcmp(c->bounds.names[k], c->wants.names[i]) != 0)
            k++;
        if (k >= c->bounds.count)
            return false;
        const char *name = c->bounds.names[i];
        haya_tensor item = c->bounds.items[i];
        c->bounds.names[i] = c->bounds.names[k];
        c->bounds.items[i] = c->bounds.items[k];
        c->bounds.names[k] = name;
        c->bounds.items[k] = item;
    }
    return c->bounds.count == c->wants.count;
}

/* `number`: "" or "2" */
static bool read_check(haya_model *model, const char *number, check *c)
{
    char feed[16], want[16], bound[16], absolute[MAX_NAME];
    snprintf(feed, sizeof feed, "feed%s", number);
    snprintf(want, sizeof want, "want%s", number);
    snprintf(bound, sizeof bound, "bound%s", number);
    if (!read_consts(model, feed, &c->feeds) || !read_consts(model, want, &c->wants)
        || !read_consts(model, bound, &c->bounds) || !sort_bounds(c))
        return false;
    for (size_t i = 0; i < c->wants.count; i++) {
        const char *colon = strrchr(c->wants.names[i], ':');
        snprintf(absolute, sizeof absolute, "check/absolute/%.*s__%s", (int)(colon - c->wants.names[i]),
                 c->wants.names[i], colon + 1);
        c->absolute[i] = has_node(model, absolute);
    }
    return true;
}

/* ---- Comparing ------------------------------------------------------------------------------------------------ */

static double difference(const haya_tensor *got, const haya_tensor *want, bool absolute)
{
    const float *a = got->data, *b = want->data;
    double sum = 0, norm = 0, greatest = 0;
    for (size_t i = 0; i < want->bytes / sizeof *b; i++) {
        double d = (double)a[i] - (double)b[i];
        if (isnan(d))
            return INFINITY;
        greatest = fmax(greatest, fabs(d));
        sum += d * d;
        norm += (double)b[i] * (double)b[i];
    }
    return absolute ? greatest : sqrt(sum) / sqrt(norm);
}

static void compare(const char *file, const char *how, const check *c, size_t want, const haya_tensor *got,
                    const haya_tensor *again)
{
    const haya_tensor *wanted = &c->wants.items[want];
    double bound = (double)*(const float *)c->bounds.items[want].data;
    char what[MAX_NAME + 40], why[100];
    snprintf(what, sizeof what, "%s, %s", c->wants.names[want], how);
    if (got->dtype != HAYA_FLOAT32 || got->bytes != wanted->bytes || got->shape.rank != wanted->shape.rank
        || memcmp(got->shape.dims, wanted->shape.dims, (size_t)got->shape.rank * sizeof *got->shape.dims) != 0) {
        report(file, what, "another dtype or shape");
        return;
    }
    double is = difference(got, wanted, c->absolute[want]);
    if (!(is <= bound)) {
        snprintf(why, sizeof why, "%s error %.3g, allowed %.3g", c->absolute[want] ? "absolute" : "relative", is,
                 bound);
        report(file, what, why);
    } else if (memcmp(got->data, again->data, got->bytes) != 0) {
        report(file, what, "three threads give another result than one");
    } else {
        passed++;
    }
}

/* Runs for the wanted tensors first .. first + count - 1. */
static void run_check(haya_model *model, const char *file, const char *how, const check *c, size_t first,
                      size_t count)
{
    tensors one = {.count = count}, three = {.count = count};
    for (size_t i = 0; i < count; i++)
        one.names[i] = three.names[i] = c->wants.names[first + i];
    if (run(model, &c->feeds, &one, 1) != HAYA_OK || run(model, &c->feeds, &three, 3) != HAYA_OK)
        report(file, how, error.message);
    else
        for (size_t i = 0; i < count; i++)
            compare(file, how, c, first + i, &one.items[i], &three.items[i]);
    for (size_t i = 0; i < count; i++) {
        free(one.items[i].data);
        free(three.items[i].data);
    }
}

static void run_file(const char *path)
{
    static const char *const numbers[] = {"", "2"};
    const char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    error = (haya_error){0};
    haya_model *model;
    if (haya_model_open(path, NULL, &model, &error) != HAYA_OK) {
        report(file, "open", error.message);
        return;
    }
    for (size_t k = 0; k < 2; k++) {
        check c = {0};
        if (!read_check(model, numbers[k], &c)) {
            report(file, "check", error.status == HAYA_OK ? "its nodes are not complete" : error.message);
        } else {
            run_check(model, file, k == 0 ? "first input" : "second input", &c, 0, c.wants.count);
            for (size_t i = 0; i < c.wants.count && c.wants.count > 1; i++)
                run_check(model, file, k == 0 ? "alone, first input" : "alone, second input", &c, i, 1);
        }
        check_free(&c);
    }
    haya_model_close(model);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
