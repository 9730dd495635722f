/* SPDX-License-Identifier: Apache-2.0
 *
 * A model made ready to run, in one call; for tests that are about something else than the steps to it.
 *
 *     loop l;
 *     if (!CHECK(loop_make(&l, model, NULL, NULL, &shape, 1)))
 *         return;
 *     loop_run(&l);
 *     ... l.out[0].data ...
 *     loop_free(&l);
 */
#ifndef HAYA_TESTS_LOOP_H
#define HAYA_TESTS_LOOP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haya/haya.h"

#define LOOP_ENDS 16

#if defined(__GNUC__)
#  define LOOP_HELPER __attribute__((unused)) static
#else
#  define LOOP_HELPER static
#endif

typedef struct loop {
    haya_program *program;
    haya_weights *weights;
    haya_plan *plan;
    haya_session *session;
    haya_tensor in[LOOP_ENDS], out[LOOP_ENDS];
    size_t in_count, out_count;
    haya_error error;
} loop;

/* Numbers that look random: floats in -1 .. 1, integers in 0 .. 6. */
LOOP_HELPER void loop_fill(const haya_tensor *tensor, uint32_t seed)
{
    size_t size = haya_dtype_size(tensor->dtype);
    for (uint64_t i = 0; size && i < tensor->bytes / size; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint8_t *at = (uint8_t *)tensor->data + i * size;
        float number = (float)(seed >> 16) / 32768.0f - 1;
        if (tensor->dtype == HAYA_FLOAT32)
            memcpy(at, &number, sizeof number);
        else
            memset(memset(at, 0, size), (int)((seed >> 16) % (tensor->dtype == HAYA_BOOL ? 2 : 7)), 1);
    }
}

LOOP_HELPER haya_tensor loop_tensor(haya_dtype dtype, haya_shape shape)
{
    haya_tensor tensor = haya_tensor_dense(dtype, shape, NULL);
    tensor.data = calloc(1, (size_t)tensor.bytes + 1);
    if (!tensor.data)
        abort();
    return tensor;
}

LOOP_HELPER void loop_free(loop *l)
{
    for (size_t i = 0; i < l->in_count; i++)
        free(l->in[i].data);
    for (size_t i = 0; i < l->out_count; i++)
        free(l->out[i].data);
    haya_session_free(l->session);
    haya_plan_free(l->plan);
    haya_weights_free(l->weights);
    haya_program_free(l->program);
    memset(l, 0, sizeof *l);
}

/* Names separated by blanks -> a list; NULL stays NULL. Valid until the next call with the same `which`. */
LOOP_HELPER const char *const *loop_names(int which, const char *text, size_t *count)
{
    static char copies[2][1024];
    static const char *lists[2][LOOP_ENDS];
    *count = 0;
    if (!text)
        return NULL;
    snprintf(copies[which], sizeof copies[which], "%s", text);
    for (char *name = strtok(copies[which], " "); name && *count < LOOP_ENDS; name = strtok(NULL, " "))
        lists[which][(*count)++] = name;
    return lists[which];
}

/* A program with these feeds and fetches, separated by blanks; NULL: the default ones. */
LOOP_HELPER haya_program *loop_program(haya_model *model, const char *feeds, const char *fetches, haya_error *error)
{
    haya_program_options options = {.struct_size = sizeof options};
    haya_program *program;
    options.feeds = loop_names(0, feeds, &options.feed_count);
    options.fetches = loop_names(1, fetches, &options.fetch_count);
    haya_program_create(model, &options, &program, error);
    return program;
}

LOOP_HELPER haya_status loop_try(loop *l, haya_model *model, const char *feeds, const char *fetches,
                                 const haya_shape *shapes, size_t shape_count, int threads)
{
    memset(l, 0, sizeof *l);
    haya_session_options options = {.struct_size = sizeof options, .threads = threads};
    l->program = loop_program(model, feeds, fetches, &l->error);
    if (!l->program || haya_weights_bind(l->program, model, &l->weights, &l->error) != HAYA_OK
        || haya_plan_create(l->program, shapes, shape_count, NULL, &l->plan, &l->error) != HAYA_OK
        || haya_session_create(&options, &l->session, &l->error) != HAYA_OK
        || haya_session_reserve(l->session, l->plan, &l->error) != HAYA_OK)
        return l->error.status;
    haya_value value;
    for (; l->in_count < LOOP_ENDS && haya_plan_input(l->plan, l->in_count, &value) == HAYA_OK; l->in_count++) {
        l->in[l->in_count] = loop_tensor(value.dtype, value.shape);
        loop_fill(&l->in[l->in_count], (uint32_t)l->in_count + 1);
    }
    for (; l->out_count < LOOP_ENDS && haya_plan_output(l->plan, l->out_count, &value) == HAYA_OK; l->out_count++)
        l->out[l->out_count] = loop_tensor(value.dtype, value.shape);
    return HAYA_OK;
}

/* Says why when it can't. */
LOOP_HELPER bool loop_make(loop *l, haya_model *model, const char *feeds, const char *fetches,
                           const haya_shape *shapes, size_t shape_count)
{
    if (loop_try(l, model, feeds, fetches, shapes, shape_count, 2) == HAYA_OK)
        return true;
    printf("    %s\n", l->error.message);
    loop_free(l);
    return false;
}

LOOP_HELPER haya_status loop_run(loop *l)
{
    return haya_run(l->session, l->plan, l->weights, l->in, l->in_count, l->out, l->out_count, &l->error);
}

LOOP_HELPER haya_shape loop_shape(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (haya_shape){rank, {a, b, c, d}};
}

#endif
