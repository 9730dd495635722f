/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "print.h"

static double plan_ms(const bench *b) {
    double sum = 0.0;
    for (size_t i = 0; i < b->structure_count; i++) {
        sum += b->structures[i].plan_ms;
    }
    return sum;
}

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

/* ---- Text ---------------------------------------------------------------------------------------------------- */

static void duration_row(table *t, const char *name, durations *runs, const char *meaning) {
    if (runs->count == 0) {
        return;
    }
    duration_summary summary = durations_summary(runs);
    table_cell(t, "  %s", name);
    table_cell(t, "%s", text_ms(summary.median).s);
    table_cell(t, "median of %zu %s; min %s, 90%% within %s", runs->count, meaning, text_ms(summary.min).s,
               text_ms(summary.p90).s);
}

static void print_structures(bench *b) {
    for (size_t i = 0; i < b->structure_count; i++) {
        bench_structure *s = &b->structures[i];
        table t = {.columns = 3, .right = 2};
        printf("structure %s, %zu model%s\n", s->fingerprint, s->model_count, plural(s->model_count));
        table_cell(&t, "  plan");
        table_cell(&t, "%s", text_ms(s->plan_ms).s);
        table_cell(&t, "program and plan, once for the structure");
        table_cell(&t, "  scratch");
        table_cell(&t, "%s", text_ms(s->scratch_ms).s);
        table_cell(&t, "memory for tensors between steps, once for the session");
        duration_row(&t, "run", &s->same, "runs of the model that ran before");
        duration_row(&t, "switch and run", &s->switched, "runs after another model's");
        table_print(&t, stdout);
        putchar('\n');
    }
}

static void print_models(const bench *b) {
    table t = {.columns = 4, .right = 14};
    table_cell(&t, "model");
    table_cell(&t, "open");
    table_cell(&t, "bind");
    table_cell(&t, "first run");
    for (size_t i = 0; i < b->model_count; i++) {
        const bench_model *m = &b->models[i];
        table_cell(&t, "  %s", m->path);
        table_cell(&t, "%s", text_ms(m->open_ms).s);
        table_cell(&t, "%s", text_ms(m->bind_ms).s);
        table_cell(&t, "%s", text_ms(m->first_ms).s);
    }
    table_print(&t, stdout);
}

static void memory_row(table *t, const char *name, uint64_t bytes, const char *meaning) {
    table_cell(t, "  %s", name);
    table_cell(t, "%s", text_bytes(bytes).s);
    table_cell(t, "%s", meaning);
}

void bench_print_text(bench *b) {
    print_structures(b);
    print_models(b);
    printf("\nmemory\n");
    if (!b->memory_known) {
        printf("  not known: this system has no /proc/self/smaps\n");
        return;
    }
    table t = {.columns = 3, .right = 2};
    memory_row(&t, "private, one model", b->one.private_bytes, "the process's own pages after the first model ran");
    memory_row(&t, "private, all models", b->all.private_bytes, "the same after all models' first runs");
    memory_row(&t, "files, mapped", b->all.mapped_bytes, "address space of the models' files");
    memory_row(&t, "files, in memory", b->all.resident_bytes, "pages of them, shared with the system's cache");
    table_print(&t, stdout);
}

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

static json_t *bytes_or_null(const bench *b, uint64_t bytes) {
    return b->memory_known ? json_integer((json_int_t)bytes) : json_null();
}

void bench_print_json(bench *b) {
    json_t *structures = json_array(), *models = json_array();
    for (size_t i = 0; i < b->structure_count; i++) {
        bench_structure *s = &b->structures[i];
        json_array_append_new(structures,
                              json_pack("{s:s, s:I, s:o, s:o, s:o, s:o}", "structure", s->fingerprint, "models",
                                        (json_int_t)s->model_count, "plan_ms", json_ms(s->plan_ms), "scratch_ms",
                                        json_ms(s->scratch_ms), "run_ms", durations_json(&s->same), "switch_run_ms",
                                        durations_json(&s->switched)));
    }
    for (size_t i = 0; i < b->model_count; i++) {
        const bench_model *m = &b->models[i];
        json_array_append_new(models,
                              json_pack("{s:o, s:s, s:o, s:o, s:o}", "file", json_text(m->path), "structure",
                                        m->structure->fingerprint, "open_ms", json_ms(m->open_ms), "bind_ms",
                                        json_ms(m->bind_ms), "first_ms", json_ms(m->first_ms)));
    }
    json_t *memory = json_pack("{s:o, s:o, s:o, s:o}", "private_bytes_one", bytes_or_null(b, b->one.private_bytes),
                               "private_bytes_all", bytes_or_null(b, b->all.private_bytes), "file_bytes_mapped",
                               bytes_or_null(b, b->all.mapped_bytes), "file_bytes_resident",
                               bytes_or_null(b, b->all.resident_bytes));
    report_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "threads", json_integer(b->threads), "structures",
                           structures,
                           "plan_ms", json_ms(plan_ms(b)), "models", models, "run_ms", durations_json(&b->same),
                           "switch_run_ms", durations_json(&b->switched), "memory", memory));
}
