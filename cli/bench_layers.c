/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "print.h"

/* A step with the median of its times, and what it reached in that time. */
typedef struct layer {
    haya_step step;
    duration_summary ms;
    double share;       /* of the sum of all steps' medians */
} layer;

void bench_layers_note(void *user, const haya_plan *plan, size_t step, uint64_t nanoseconds) {
    bench_layers *layers = user;
    (void)plan;
    if (layers->steps) {
        durations_add(&layers->steps[step], (double)nanoseconds / 1e6);
    }
}

static double sum_of_medians(bench_layers *layers) {
    double sum = 0.0;
    for (size_t i = 0; i < layers->step_count; i++) {
        sum += durations_summary(&layers->steps[i]).median;
    }
    return sum;
}

static layer layer_at(bench *b, size_t index, double sum) {
    layer l = {.ms = durations_summary(&b->layers.steps[index])};
    haya_plan_step(b->structures[0].plan, index, &l.step);
    l.share = sum > 0.0 ? l.ms.median / sum : 0.0;
    return l;
}

/* In units of 1e9 a second; 0 for a step that takes less than the clock tells apart. */
static double giga_per_second(uint64_t count, double ms) {
    return ms > 0.0 ? (double)count / ms / 1e6 : 0.0;
}

static double of_peak(const bench *b, uint64_t executed_flops, double ms) {
    return b->layers.peak > 0.0 ? giga_per_second(executed_flops, ms) * 1e9 / b->layers.peak : 0.0;
}

/* ---- Text ---------------------------------------------------------------------------------------------------- */

/* From the time on. */
static void print_measures(const bench *b, table *t, double ms, double share, const haya_step *step) {
    table_cell(t, "%s", text_ms(ms).s);
    table_cell(t, "%.1f%%", share * 100);
    table_cell(t, "%.1f", giga_per_second(step->bytes, ms));
    if (step->flops == 0) {
        for (int i = 0; i < 4; i++) {
            table_cell(t, "-");
        }
        return;
    }
    table_cell(t, "%s", text_flops(step->flops).s);
    table_cell(t, "%.1f", giga_per_second(step->flops, ms));
    table_cell(t, "%s", text_flops(step->executed_flops).s);
    table_cell(t, "%.1f%%", of_peak(b, step->executed_flops, ms) * 100);
}

static void print_head(table *t) {
    static const char *const head[] = {"step", "node",  "operations", "output",   "kernel", "time",
                                       "share", "GB/s", "direct",     "GFLOP/s", "executed", "of peak"};
    t->columns = sizeof head / sizeof *head;
    t->right = 0xfe1; /* all that are numbers */
    for (size_t i = 0; i < t->columns; i++) {
        table_cell(t, "%s", head[i]);
    }
}

void bench_layers_print_text(bench *b) {
    bench_structure *s = &b->structures[0];
    double sum = sum_of_medians(&b->layers);
    haya_step all = {0};
    table t = {0};
    printf("structure %s, %d thread%s, median of %zu run%s\n", s->fingerprint, (int)b->threads,
           b->threads == 1 ? "" : "s", s->same.count, s->same.count == 1 ? "" : "s");
    printf("peak %.1f GFLOP/s, measured: multiply-adds in registers on all threads\n\n", b->layers.peak / 1e9);
    print_head(&t);
    for (size_t i = 0; i < b->layers.step_count; i++) {
        layer l = layer_at(b, i, sum);
        table_cell(&t, "%zu", i);
        table_cell(&t, "%s", l.step.node);
        table_cell(&t, "%s", l.step.op);
        table_cell(&t, "%s", text_shape(&l.step.shape).s);
        table_cell(&t, "%s", l.step.kernel);
        print_measures(b, &t, l.ms.median, l.share, &l.step);
        all.flops += l.step.flops;
        all.executed_flops += l.step.executed_flops;
        all.bytes += l.step.bytes;
    }
    table_cell(&t, "run");
    for (int i = 0; i < 4; i++) {
        table_cell(&t, "%s", "");
    }
    print_measures(b, &t, durations_summary(&s->same).median, 1.0, &all);
    table_print(&t, stdout);
}

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

static json_t *json_count(uint64_t count) {
    return json_integer((json_int_t)count);
}

static json_t *measures_json(const bench *b, double ms, const haya_step *step) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "flops", json_count(step->flops), "executed_flops",
                     json_count(step->executed_flops), "bytes", json_count(step->bytes), "gflops_per_s",
                     json_real(giga_per_second(step->flops, ms)), "of_peak",
                     json_real(of_peak(b, step->executed_flops, ms)));
}

void bench_layers_print_json(bench *b) {
    bench_structure *s = &b->structures[0];
    double sum = sum_of_medians(&b->layers);
    haya_step all = {0};
    json_t *steps = json_array();
    for (size_t i = 0; i < b->layers.step_count; i++) {
        layer l = layer_at(b, i, sum);
        json_t *step = json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "node", json_text(l.step.node), "op",
                                 json_text(l.step.op), "kernel", json_text(l.step.kernel), "why",
                                 json_text(l.step.why), "dtype", haya_dtype_name(l.step.dtype), "shape",
                                 json_shape(&l.step.shape), "ms", durations_json(&b->layers.steps[i]), "share",
                                 json_real(l.share));
        json_object_update_new(step, measures_json(b, l.ms.median, &l.step));
        json_array_append_new(steps, step);
        all.flops += l.step.flops;
        all.executed_flops += l.step.executed_flops;
        all.bytes += l.step.bytes;
    }
    json_t *object = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "file", json_text(b->models[0].path), "structure",
                               s->fingerprint, "threads", json_integer(b->threads), "peak_gflops_per_s",
                               json_real(b->layers.peak / 1e9), "steps", steps, "run_ms", durations_json(&s->same));
    json_object_update_new(object, measures_json(b, durations_summary(&s->same).median, &all));
    report_print(object);
}
