/* SPDX-License-Identifier: Apache-2.0
 *
 * A complete program: runs each model of one structure on zeros, through one plan.
 *
 *     loop MODEL.pb [MODEL.pb...]
 *
 *     cc loop.c $(pkg-config --cflags --libs haya) -o loop
 */
#include <stdio.h>
#include <stdlib.h>

#include "haya/haya.h"

/* What is made once, for the structure, however many models there are. */
typedef struct engine {
    haya_program *program;
    haya_plan *plan;
    haya_session *session;
    haya_tensor in, out;
} engine;

/* Dimensions that the graph leaves open, -1, such as the batch, become 1 here; `value` is an input or an output. */
static bool make_tensor(haya_value value, haya_tensor *tensor)
{
    for (int32_t k = 0; k < value.shape.rank; k++)
        value.shape.dims[k] = value.shape.dims[k] < 0 ? 1 : value.shape.dims[k];
    *tensor = haya_tensor_dense(value.dtype, value.shape, NULL);
    tensor->data = calloc(tensor->bytes, 1);
    return tensor->data != NULL;
}

/* The structure of the first model, compiled for the size of its input. */
static haya_status prepare(haya_model *model, engine *e, haya_error *error)
{
    haya_value value;
    haya_status status = haya_program_create(model, NULL, &e->program, error);
    if (status == HAYA_OK)
        status = haya_program_input(e->program, 0, &value);
    if (status == HAYA_OK && !make_tensor(value, &e->in))
        status = HAYA_ERROR_MEMORY;
    if (status == HAYA_OK)
        status = haya_plan_create(e->program, &e->in.shape, 1, NULL, &e->plan, error);
    if (status == HAYA_OK)
        status = haya_plan_output(e->plan, 0, &value);
    if (status == HAYA_OK && !make_tensor(value, &e->out))
        status = HAYA_ERROR_MEMORY;
    if (status == HAYA_OK)
        status = haya_session_create(NULL, &e->session, error);
    if (status == HAYA_OK)
        status = haya_session_reserve(e->session, e->plan, error);
    return status;
}

/* Opens one model, binds it to the structure, and runs it. */
static haya_status run_model(const char *path, engine *e, haya_error *error)
{
    haya_model *model = NULL;
    haya_weights *weights = NULL;
    haya_status status = haya_model_open(path, NULL, &model, error);
    if (status == HAYA_OK && !e->program)
        status = prepare(model, e, error);
    if (status == HAYA_OK)
        status = haya_weights_bind(e->program, model, &weights, error);
    if (status == HAYA_OK)
        status = haya_run(e->session, e->plan, weights, &e->in, 1, &e->out, 1, error);
    if (status == HAYA_OK && e->out.dtype == HAYA_FLOAT32)
        printf("%s: the output begins with %g\n", path, (double)*(const float *)e->out.data);
    /* A program that serves requests keeps the weights of many models, and chooses by passing one of them. */
    haya_weights_free(weights);
    haya_model_close(model);
    return status;
}

int main(int argc, char **argv)
{
    engine e = {0};
    haya_error error = {0};
    haya_status status = argc > 1 ? HAYA_OK : HAYA_ERROR_ARGUMENT;
    for (int i = 1; i < argc && status == HAYA_OK; i++)
        status = run_model(argv[i], &e, &error);
    if (status != HAYA_OK)
        fprintf(stderr, "loop: %s\n", error.message[0] ? error.message : haya_status_name(status));
    haya_session_free(e.session);
    haya_plan_free(e.plan);
    haya_program_free(e.program);
    free(e.in.data);
    free(e.out.data);
    return status == HAYA_OK ? 0 : 1;
}
