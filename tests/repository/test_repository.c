/* SPDX-License-Identifier: Apache-2.0
 *
 * The repository of models, on folders that the tests fill, with three small models: test_repository A B OTHER. A
 * and B have one structure.
 */
#define _GNU_SOURCE /* mkdtemp, nftw, sigaction */
#include "../test.h"
#include "inspection/input.h"
#include "repository/repository.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SIDE = 32 };

static const char *a_file, *b_file, *other_file;

/* ---- Folders and files --------------------------------------------------------------------------------------- */

static char folder[64];

static const char *at(const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void copy_bytes(const char *from, const char *to, long bytes, const char *mode) {
    char block[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, mode);
    size_t got;
    while (in && out && bytes != 0 && (got = fread(block, 1, sizeof block, in)) > 0) {
        got = bytes > 0 && (long)got > bytes ? (size_t)bytes : got;
        bytes -= bytes > 0 ? (long)got : 0;
        CHECK(fwrite(block, 1, got, out) == got);
    }
    if (CHECK(in && out)) {
        fclose(in);
        CHECK(fclose(out) == 0);
    }
}

static void copy_file(const char *from, const char *to) {
    copy_bytes(from, to, -1, "wb");
}

static void replace_file(const char *from, const char *to) {
    char temporary[600];
    snprintf(temporary, sizeof temporary, "%s.new", to);
    copy_file(from, temporary);
    CHECK(rename(temporary, to) == 0);
}

static void write_text(const char *path, const char *text) {
    FILE *to = fopen(path, "wb");
    if (CHECK(to)) {
        fputs(text, to);
        fclose(to);
    }
}

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/haya-repository-XXXXXX");
    CHECK(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_folder(void) {
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- A repository that looks often --------------------------------------------------------------------------- */

typedef struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char warnings[8192];
    char ready[1024];            /* files in the order in which they became ready, by REPOSITORY_INFO */
    int removed;
    bool hold;                   /* who tells that a model is ready waits until this is false */
} told;

static told heard = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void on_change(void *user, repository_change change, const char *id, const char *text) {
    (void)user;
    (void)id;
    pthread_mutex_lock(&heard.lock);
    size_t used = strlen(heard.warnings);
    if (change == REPOSITORY_WARNING && used + strlen(text) + 2 < sizeof heard.warnings) {
        snprintf(heard.warnings + used, sizeof heard.warnings - used, "%s\n", text);
    }
    const char *end = change == REPOSITORY_INFO ? strstr(text, " is ready") : NULL;
    used = strlen(heard.ready);
    if (end && used + (size_t)(end - text) + 2 < sizeof heard.ready) {
        snprintf(heard.ready + used, sizeof heard.ready - used, "%.*s ", (int)(end - text), text);
    }
    heard.removed += change == REPOSITORY_MODEL_REMOVED;
    pthread_cond_broadcast(&heard.changed);
    while (end && heard.hold) {
        pthread_cond_wait(&heard.changed, &heard.lock);
    }
    pthread_mutex_unlock(&heard.lock);
}

static void hold_the_preparer(bool hold) {
    pthread_mutex_lock(&heard.lock);
    heard.hold = hold;
    pthread_cond_broadcast(&heard.changed);
    pthread_mutex_unlock(&heard.lock);
}

static repository *create(bool prepare) {
    repository_options options = {.folder = folder, .prepare = prepare, .rest_seconds = 0.1, .scan_seconds = 0.1,
                                  .threads = 1, .sessions = 2, .changed = on_change};
    repository *r;
    haya_error error = {0};
    heard.warnings[0] = heard.ready[0] = '\0';
    heard.removed = 0;
    if (!CHECK(repository_create(&options, &r, &error) == HAYA_OK)) {
        printf("    %s\n", error.message);
    }
    return r;
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* The model of a file; false: there is none. */
static bool find(repository *r, const char *file, repository_model *found) {
    repository_model *list;
    size_t count;
    bool there = false;
    CHECK(repository_list(r, &list, &count, NULL) == HAYA_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].file, file) == 0) {
            there = repository_get(r, list[i].id, found, NULL) == HAYA_OK;
        }
    }
    repository_list_free(list, count);
    return there;
}

static size_t count_models(repository *r) {
    repository_model *list;
    size_t count;
    CHECK(repository_list(r, &list, &count, NULL) == HAYA_OK);
    repository_list_free(list, count);
    return count;
}

static void wait_for_count(repository *r, size_t count) {
    for (int tries = 0; tries < 3000 && count_models(r) != count; tries++) {
        pause_ms(20);
    }
    CHECK_INT(count_models(r), count);
}

/* Waits until a condition on `m`, the model of the file, holds; frees it. */
#define WAIT_FOR(r, name, condition)                                             \
    do {                                                                         \
        bool holds = false;                                                      \
        for (int tries = 0; tries < 3000 && !holds; tries++) {                   \
            repository_model m;                                                  \
            if (find((r), (name), &m)) {                                         \
                holds = (condition);                                             \
                repository_model_free(&m);                                       \
            }                                                                    \
            if (!holds) {                                                        \
                pause_ms(20);                                                    \
            }                                                                    \
        }                                                                        \
        test_check(holds, __FILE__, __LINE__, #condition);                       \
    } while (0)

/* Waits until a condition on what was told holds. */
#define WAIT_UNTIL(condition)                                                    \
    do {                                                                         \
        bool holds = false;                                                      \
        for (int tries = 0; tries < 3000 && !holds; tries++) {                   \
            pthread_mutex_lock(&heard.lock);                                     \
            holds = (condition);                                                 \
            pthread_mutex_unlock(&heard.lock);                                   \
            if (!holds) {                                                        \
                pause_ms(20);                                                    \
            }                                                                    \
        }                                                                        \
        test_check(holds, __FILE__, __LINE__, #condition);                       \
    } while (0)

static void id_of(repository *r, const char *file, char id[REPOSITORY_ID]) {
    repository_model found = {0};
    WAIT_FOR(r, file, true);
    if (CHECK(find(r, file, &found))) {
        memcpy(id, found.id, REPOSITORY_ID);
    }
    repository_model_free(&found);
}

/* ---- Pictures ------------------------------------------------------------------------------------------------ */

static picture a_picture(void) {
    picture p = {SIDE, SIDE, 1, malloc(SIDE * SIDE * sizeof(float)), 255};
    for (int i = 0; i < SIDE * SIDE; i++) {
        p.pixels[i] = (float)(i * 37 % 256);
    }
    return p;
}

/* The map that the library alone computes. */
static void expected_map(const char *file, float map[SIDE * SIDE]) {
    haya_model *model;
    haya_program *program;
    haya_weights *weights;
    haya_plan *plan;
    haya_session *session;
    haya_shape shape = {4, {1, SIDE, SIDE, 1}};
    haya_session_options options = {.struct_size = sizeof options, .threads = 1};
    haya_value input = {"input", HAYA_FLOAT32, shape};
    haya_tensor in;
    settings defaults = settings_default();
    picture p = a_picture();
    CHECK(input_from_picture(&defaults.input, &input, &p, "picture.png", &in, NULL) == HAYA_OK);
    CHECK(haya_model_open(file, NULL, &model, NULL) == HAYA_OK);
    CHECK(haya_program_create(model, NULL, &program, NULL) == HAYA_OK);
    CHECK(haya_weights_bind(program, model, &weights, NULL) == HAYA_OK);
    CHECK(haya_plan_create(program, &shape, 1, NULL, &plan, NULL) == HAYA_OK);
    CHECK(haya_session_create(&options, &session, NULL) == HAYA_OK);
    CHECK(haya_session_reserve(session, plan, NULL) == HAYA_OK);
    haya_tensor out = haya_tensor_dense(HAYA_FLOAT32, shape, map);
    CHECK(haya_run(session, plan, weights, &in, 1, &out, 1, NULL) == HAYA_OK);
    haya_session_free(session);
    haya_plan_free(plan);
    haya_weights_free(weights);
    haya_program_free(program);
    haya_model_close(model);
    free(in.data);
    picture_free(&p);
}

static bool is_map_of(const repository_result *result, const char *file) {
    float map[SIDE * SIDE];
    expected_map(file, map);
    const picture_map *got = &result->classes[0].verdict.map;
    return got->width == SIDE && got->height == SIDE && memcmp(got->values, map, sizeof map) == 0;
}

static haya_status infer(repository *r, const char *id, repository_result *result, haya_error *error) {
    picture p = a_picture();
    haya_status status = repository_infer(r, id, &p, "picture.png", result, error);
    picture_free(&p);
    return status;
}

/* Infers with the file's model, and compares with the library on `same_as`. */
static void check_infer(repository *r, const char *file, const char *same_as) {
    char id[REPOSITORY_ID] = "";
    repository_result result;
    haya_error error = {0};
    id_of(r, file, id);
    if (CHECK(infer(r, id, &result, &error) == HAYA_OK)) {
        CHECK(is_map_of(&result, same_as));
        repository_result_free(&result);
    } else {
        printf("    %s\n", error.message);
    }
}

/* ---- What is there ------------------------------------------------------------------------------------------- */

static void models_are_listed_by_name_and_cold(void) {
    make_folder();
    copy_file(a_file, at("class10.pb"));
    copy_file(b_file, at("class2.pb"));
    copy_file(a_file, at("notes.txt"));
    CHECK(mkdir(at("site"), 0777) == 0);
    copy_file(other_file, at("site/class3.pb"));
    repository *r = create(false);
    WAIT_FOR(r, "class10.pb", true);
    WAIT_FOR(r, "class2.pb", true);
    WAIT_FOR(r, "site/class3.pb", true);
    repository_model *list;
    size_t count;
    CHECK(repository_list(r, &list, &count, NULL) == HAYA_OK);
    if (CHECK_INT(count, 3)) {
        CHECK_STR(list[0].name, "class2");
        CHECK_STR(list[1].name, "class3");
        CHECK_STR(list[2].name, "class10");
        CHECK_INT(list[0].state, REPOSITORY_COLD);
        CHECK_STR(list[0].structure, "");
        CHECK_INT(list[0].version, 1);
    }
    repository_list_free(list, count);
    repository_free(r);
    remove_folder();
}

static void names_are_ordered_as_people_expect(void) {
    CHECK(repository_natural_order("class2", "class10") < 0);
    CHECK(repository_natural_order("class10", "class2") > 0);
    CHECK(repository_natural_order("a", "a") == 0);
    CHECK(repository_natural_order("a007", "a7") != 0);
    CHECK(repository_natural_order("a007b", "a7c") < 0);
    CHECK(repository_natural_order("a", "ab") < 0);
    CHECK(repository_natural_order("99999999999999999999998", "99999999999999999999999") < 0);
}

static void links_that_lead_out_are_left_out(void) {
    make_folder();
    copy_file(a_file, at("inside.pb"));
    CHECK(symlink("inside.pb", at("link.pb")) == 0);
    CHECK(symlink(a_file, at("outside.pb")) == 0);
    repository *r = create(false);
    WAIT_FOR(r, "link.pb", true);
    repository_model none;
    CHECK(!find(r, "outside.pb", &none));
    check_infer(r, "link.pb", a_file);
    repository_free(r);
    remove_folder();
}

static void a_structure_has_one_plan_for_all_its_models(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    copy_file(b_file, at("b.pb"));
    copy_file(other_file, at("other.pb"));
    repository *r = create(false);
    check_infer(r, "a.pb", a_file);
    check_infer(r, "b.pb", b_file);
    check_infer(r, "a.pb", a_file);
    repository_structure *list;
    size_t count;
    CHECK(repository_structures(r, &list, &count, NULL) == HAYA_OK);
    if (CHECK_INT(count, 1)) {
        CHECK_INT(list[0].models, 2);
        CHECK_INT(list[0].plans, 1);
        CHECK(list[0].scratch_bytes > 0 && list[0].flops > 0);
    }
    free(list);
    repository_memory use;
    repository_memory_use(r, &use);
    CHECK_INT(use.models, 3);
    CHECK_INT(use.opened, 2);
    CHECK(use.private_bytes > 0);
    repository_free(r);
    remove_folder();
}

static void runs_tell_what_they_had_to_do(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    copy_file(b_file, at("b.pb"));
    repository *r = create(false);
    char a[REPOSITORY_ID] = "", b[REPOSITORY_ID] = "";
    id_of(r, "a.pb", a);
    id_of(r, "b.pb", b);
    repository_result result;
    CHECK(infer(r, a, &result, NULL) == HAYA_OK);
    CHECK(result.open_ms > 0 && result.bind_ms > 0 && result.plan_ms > 0 && result.first_run && !result.switched);
    repository_result_free(&result);
    CHECK(infer(r, b, &result, NULL) == HAYA_OK);
    CHECK(result.open_ms > 0 && isnan(result.plan_ms) && result.first_run && result.switched);
    repository_result_free(&result);
    CHECK(infer(r, b, &result, NULL) == HAYA_OK);
    CHECK(isnan(result.open_ms) && isnan(result.bind_ms) && !result.first_run && !result.switched);
    repository_result_free(&result);
    repository_model m;
    CHECK(repository_get(r, b, &m, NULL) == HAYA_OK);
    CHECK_INT(m.runs, 2);
    CHECK(m.first_ms > 0 && m.last_ms > 0 && m.median_ms == (double)(float)m.last_ms);
    repository_model_free(&m);
    CHECK(infer(r, "0123456789abcdef", &result, NULL) == HAYA_ERROR_NOT_FOUND);
    repository_free(r);
    remove_folder();
}

static size_t descriptors(void) {
    size_t count = 0;
    DIR *open_ones = opendir("/proc/self/fd");
    while (open_ones && readdir(open_ones)) {
        count++;
    }
    if (open_ones) {
        closedir(open_ones);
    }
    return count;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_thousand_models_start_at_once_and_hold_no_descriptors(void) {
    enum { MANY = 1000 };
    char name[32];
    make_folder();
    copy_file(a_file, at("model0.pb"));
    const struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    for (int i = 1; i < MANY; i++) {
        snprintf(name, sizeof name, "model%d.pb", i);
        CHECK(link(at("model0.pb"), at(name)) == 0);
    }
    utimensat(AT_FDCWD, at("model0.pb"), old, 0);
    /* Looks once more when the files have rested, and then no more: a look has folders open. */
    repository_options options = {.folder = folder, .rest_seconds = 0.1, .scan_seconds = 3600, .threads = 1,
                                  .sessions = 2, .changed = on_change};
    repository *r;
    double start = seconds();
    CHECK(repository_create(&options, &r, NULL) == HAYA_OK);
    double create_seconds = seconds() - start;
    repository_memory use;
    repository_memory_use(r, &use);
    CHECK_INT(use.opened, 0);
    wait_for_count(r, MANY);
    size_t before = descriptors(), count;
    repository_model *list;
    start = seconds();
    CHECK(repository_list(r, &list, &count, NULL) == HAYA_OK);
    for (size_t i = 0; i < count; i++) {
        repository_result result;
        if (CHECK(infer(r, list[i].id, &result, NULL) == HAYA_OK)) {
            repository_result_free(&result);
        }
    }
    CHECK(create_seconds < (seconds() - start) / 5);
    CHECK_INT(descriptors(), before);
    repository_structure *structures;
    size_t structure_count;
    CHECK(repository_structures(r, &structures, &structure_count, NULL) == HAYA_OK);
    CHECK_INT(structure_count, 1);
    CHECK_INT(structures[0].models, MANY);
    CHECK_INT(structures[0].plans, 1);
    free(structures);
    repository_list_free(list, count);
    repository_free(r);
    remove_folder();
}

/* ---- Files that change --------------------------------------------------------------------------------------- */

/* A file grows, with pauses shorter than files have to rest, for longer than that. False: the machine was so busy
   that there was a longer pause, in which the file may have counted. */
static bool grows_without_counting(repository *r, double rest) {
    struct stat info;
    double start = seconds(), touched = start;
    CHECK(stat(a_file, &info) == 0);
    copy_bytes(a_file, at("a.pb"), info.st_size / 2, "wb");
    while (touched - start < 3 * rest) {
        pause_ms((long)(rest * 100));
        double begin = seconds();
        FILE *to = fopen(at("a.pb"), "ab");
        fputc(0, to);
        fclose(to);
        size_t count = count_models(r);
        if (seconds() - touched > 0.9 * rest) {
            return false;
        }
        CHECK_INT(count, 0);
        touched = begin;
    }
    return true;
}

static void a_file_counts_once_it_has_rested(void) {
    double rest = 0.1;
    bool seen = false;
    for (int tries = 0; tries < 8 && !seen; tries++, rest *= 2) {
        make_folder();
        repository_options options = {.folder = folder, .rest_seconds = rest, .scan_seconds = 0.1, .threads = 1,
                                      .changed = on_change};
        repository *r;
        heard.warnings[0] = '\0';
        CHECK(repository_create(&options, &r, NULL) == HAYA_OK);
        seen = grows_without_counting(r, rest);
        copy_file(a_file, at("a.pb"));
        check_infer(r, "a.pb", a_file);
        repository_free(r);
        CHECK_STR(heard.warnings, "");
        remove_folder();
    }
    CHECK(seen);
}

static void a_file_replaced_by_rename_is_a_new_version(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    repository *r = create(false);
    check_infer(r, "a.pb", a_file);
    replace_file(b_file, at("a.pb"));
    WAIT_FOR(r, "a.pb", m.version == 2);
    check_infer(r, "a.pb", b_file);
    WAIT_FOR(r, "a.pb", m.version == 2 && m.warning == NULL && m.state == REPOSITORY_COLD);
    replace_file(other_file, at("a.pb"));
    WAIT_FOR(r, "a.pb", m.version == 3);
    repository_structure *list;
    size_t count;
    CHECK(repository_structures(r, &list, &count, NULL) == HAYA_OK);
    CHECK_INT(count, 1); /* nobody has the old one any more */
    free(list);
    repository_free(r);
    remove_folder();
}

static void a_broken_new_file_leaves_the_old_one_serving(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    write_text(at("broken"), "this is no model");
    repository *r = create(false);
    check_infer(r, "a.pb", a_file);
    replace_file(at("broken"), at("a.pb"));
    WAIT_FOR(r, "a.pb", m.warning != NULL);
    WAIT_FOR(r, "a.pb", strstr(m.warning, "a.pb") && strstr(m.warning, "goes on serving") && m.version == 1);
    WAIT_UNTIL(strstr(heard.warnings, "a.pb")); /* told after it is so */
    check_infer(r, "a.pb", a_file);
    replace_file(b_file, at("a.pb"));
    WAIT_FOR(r, "a.pb", m.warning == NULL && m.version == 2);
    check_infer(r, "a.pb", b_file);
    repository_free(r);
    remove_folder();
}

static void a_truncated_file_fails_and_recovers(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    copy_file(b_file, at("b.pb"));
    repository *r = create(false);
    char id[REPOSITORY_ID] = "";
    id_of(r, "a.pb", id);
    check_infer(r, "a.pb", a_file);
    CHECK(truncate(at("a.pb"), 4096) == 0);
    repository_result result;
    haya_error error = {0};
    CHECK(infer(r, id, &result, &error) != HAYA_OK);
    CHECK_HAS(error.message, "a.pb");
    check_infer(r, "b.pb", b_file);
    WAIT_FOR(r, "a.pb", m.state == REPOSITORY_BROKEN && strstr(m.broken, "a.pb"));
    CHECK(infer(r, id, &result, &error) != HAYA_OK);
    CHECK_HAS(error.message, "a.pb");
    replace_file(a_file, at("a.pb"));
    WAIT_FOR(r, "a.pb", m.state != REPOSITORY_BROKEN);
    check_infer(r, "a.pb", a_file);
    repository_free(r);
    remove_folder();
}

static void a_deleted_file_is_a_model_less(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    copy_file(b_file, at("b.pb"));
    repository *r = create(false);
    char id[REPOSITORY_ID] = "";
    check_infer(r, "a.pb", a_file);
    id_of(r, "a.pb", id);
    CHECK(unlink(at("a.pb")) == 0);
    wait_for_count(r, 1);
    repository_result result;
    CHECK(infer(r, id, &result, NULL) == HAYA_ERROR_NOT_FOUND);
    WAIT_UNTIL(heard.removed == 1);
    check_infer(r, "b.pb", b_file);
    repository_free(r);
    remove_folder();
}

/* ---- Preparing ----------------------------------------------------------------------------------------------- */

static void all_models_are_prepared(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    copy_file(b_file, at("b.pb"));
    write_text(at("broken.pb"), "this is no model");
    repository *r = create(true);
    WAIT_FOR(r, "a.pb", m.state == REPOSITORY_READY && m.first_ms > 0);
    WAIT_FOR(r, "b.pb", m.state == REPOSITORY_READY);
    WAIT_FOR(r, "broken.pb", m.state == REPOSITORY_BROKEN && strstr(m.broken, "broken.pb"));
    size_t wanted, ready;
    repository_progress(r, &wanted, &ready);
    CHECK_INT(wanted, 2);
    CHECK_INT(ready, 2);
    char id[REPOSITORY_ID] = "";
    id_of(r, "a.pb", id);
    repository_result result;
    if (CHECK(infer(r, id, &result, NULL) == HAYA_OK)) {
        CHECK(!result.first_run && isnan(result.plan_ms));
        repository_result_free(&result);
    }
    repository_free(r);
    remove_folder();
}

/* The thread that prepares is held at the first model until it is known what shall come next. */
static void what_is_asked_for_or_looked_at_comes_first(void) {
    enum { MANY = 12 };
    char name[32], asked[2][REPOSITORY_ID] = {"", ""}, seen[REPOSITORY_ID] = "";
    make_folder();
    copy_file(a_file, at("m0.pb"));
    hold_the_preparer(true);
    repository *r = create(true);
    WAIT_UNTIL(strcmp(heard.ready, "m0.pb ") == 0);
    for (int i = 1; i < MANY; i++) {
        snprintf(name, sizeof name, "m%d.pb", i);
        copy_file(a_file, at(name));
    }
    for (int i = 1; i < MANY; i++) {
        snprintf(name, sizeof name, "m%d.pb", i);
        WAIT_FOR(r, name, m.state == REPOSITORY_COLD);
    }
    id_of(r, "m9.pb", seen);
    id_of(r, "m11.pb", asked[0]);
    id_of(r, "m7.pb", asked[1]);
    size_t wanted, ready;
    const char *ids[] = {asked[0], asked[1]}, *visible[] = {seen};
    CHECK(repository_set_visible(r, visible, 1, NULL) == HAYA_OK);
    CHECK(repository_prepare(r, ids, 2, &wanted, &ready, NULL) == HAYA_OK);
    CHECK_INT(wanted, 2);
    CHECK_INT(ready, 0);
    hold_the_preparer(false);
    WAIT_UNTIL(strstr(heard.ready, "m10.pb "));
    pthread_mutex_lock(&heard.lock);
    CHECK_STR(heard.ready, "m0.pb m11.pb m7.pb m9.pb m1.pb m2.pb m3.pb m4.pb m5.pb m6.pb m8.pb m10.pb ");
    pthread_mutex_unlock(&heard.lock);
    const char *unknown[] = {"0123456789abcdef"};
    CHECK(repository_prepare(r, unknown, 1, &wanted, &ready, NULL) == HAYA_ERROR_NOT_FOUND);
    CHECK(repository_set_visible(r, unknown, 1, NULL) == HAYA_ERROR_NOT_FOUND);
    repository_free(r);
    remove_folder();
}

static void files_beyond_the_limit_are_prepared_when_asked_for(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    repository_options options = {.folder = folder, .prepare = true, .prepare_bytes = 1, .rest_seconds = 0.1,
                                  .scan_seconds = 0.1, .threads = 1, .changed = on_change};
    repository *r;
    CHECK(repository_create(&options, &r, NULL) == HAYA_OK);
    WAIT_FOR(r, "a.pb", m.structure[0] != '\0'); /* opened, which takes no memory to speak of */
    pause_ms(200);
    WAIT_FOR(r, "a.pb", m.state == REPOSITORY_COLD);
    size_t wanted, ready;
    CHECK(repository_prepare(r, NULL, 0, &wanted, &ready, NULL) == HAYA_OK);
    WAIT_FOR(r, "a.pb", m.state == REPOSITORY_READY);
    repository_free(r);
    remove_folder();
}

/* ---- Settings ------------------------------------------------------------------------------------------------ */

static void settings_are_changed_saved_and_taken_back(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    repository *r = create(false);
    char id[REPOSITORY_ID] = "";
    id_of(r, "a.pb", id);
    const picture_rgb green = {0, 255, 0};
    repository_class_change change = {.name = "gr\xc3\xbcn", .color = &green, .low = NAN, .high = 0.75};
    haya_error error = {0};
    CHECK(repository_change_settings(r, id, &change, 1, &error) == HAYA_OK);
    WAIT_FOR(r, "a.pb", strcmp(m.name, "gr\xc3\xbcn") == 0 && m.classes[0].high == 0.75 &&
                            m.classes[0].color.green == 255 && m.undo == 1);
    CHECK(access(at("a.json"), F_OK) == 0);
    pause_ms(400); /* the file that it wrote itself is no news */
    WAIT_FOR(r, "a.pb", m.undo == 1 && m.version == 1 && m.classes[0].high == 0.75);
    repository_class_change low = {.low = 0.8, .high = NAN};
    CHECK(repository_change_settings(r, id, &low, 1, &error) == HAYA_ERROR_ARGUMENT);
    CHECK_HAS(error.message, "above the upper one");
    CHECK(repository_change_settings(r, id, &change, 2, &error) == HAYA_ERROR_ARGUMENT);
    CHECK(repository_undo_settings(r, id, &error) == HAYA_OK);
    WAIT_FOR(r, "a.pb", strcmp(m.name, "a") == 0 && m.classes[0].high == 0.5 && m.undo == 0);
    CHECK(repository_undo_settings(r, id, &error) == HAYA_ERROR_STATE);
    repository_free(r);
    r = create(false); /* what was saved lasts */
    check_infer(r, "a.pb", a_file);
    WAIT_FOR(r, "a.pb", m.classes[0].high == 0.5 && m.settings_exist);
    repository_free(r);
    remove_folder();
}

static void settings_that_cannot_be_written_change_nothing(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    repository *r = create(false);
    char id[REPOSITORY_ID] = "";
    check_infer(r, "a.pb", a_file);
    id_of(r, "a.pb", id);
    CHECK(mkdir(at("a.json"), 0777) == 0); /* not even the superuser can write a file there */
    repository_class_change change = {.name = "other", .low = NAN, .high = NAN};
    haya_error error = {0};
    CHECK(repository_change_settings(r, id, &change, 1, &error) != HAYA_OK);
    CHECK_HAS(error.message, "a.json");
    WAIT_FOR(r, "a.pb", strcmp(m.name, "a") == 0 && m.undo == 0);
    repository_free(r);
    remove_folder();
}

static void settings_edited_by_others_come_into_force(void) {
    make_folder();
    copy_file(a_file, at("a.pb"));
    repository *r = create(false);
    check_infer(r, "a.pb", a_file);
    write_text(at("a.json"), "{\"haya\": 1, \"classes\": [{\"name\": \"woven\", \"thresholds\": {\"ng\": 0.7");
    WAIT_FOR(r, "a.pb", m.warning && strstr(m.warning, "a.json"));
    check_infer(r, "a.pb", a_file);
    write_text(at("a.json"), "{\"haya\": 1, \"classes\": [{\"name\": \"woven\"}]}");
    WAIT_FOR(r, "a.pb", strcmp(m.name, "woven") == 0 && !m.warning && m.version == 1);
    repository_free(r);
    remove_folder();
}

/* ---- All at once --------------------------------------------------------------------------------------------- */

typedef struct caller {
    repository *r;
    const char *id;
    float (*expected)[SIDE * SIDE];
    atomic_bool *end;
    pthread_t thread;
    atomic_int runs;
} caller;

static void *call(void *user) {
    caller *c = user;
    while (!atomic_load(c->end)) {
        repository_result result;
        haya_error error = {0};
        if (!CHECK(infer(c->r, c->id, &result, &error) == HAYA_OK)) {
            printf("    %s\n", error.message);
            break;
        }
        const float *values = result.classes[0].verdict.map.values;
        size_t bytes = sizeof c->expected[0];
        bool as_expected = memcmp(values, c->expected[0], bytes) == 0 || memcmp(values, c->expected[1], bytes) == 0;
        repository_result_free(&result);
        if (!CHECK(as_expected)) {
            break;
        }
        atomic_fetch_add(&c->runs, 1);
    }
    return NULL;
}

static void callers_go_on_while_files_are_replaced(void) {
    enum { CALLERS = 6 };
    static float expected[2][SIDE * SIDE];
    caller callers[CALLERS];
    char ids[2][REPOSITORY_ID] = {"", ""};
    atomic_bool end;
    atomic_init(&end, false);
    expected_map(a_file, expected[0]);
    expected_map(b_file, expected[1]);
    make_folder();
    copy_file(a_file, at("a.pb"));
    copy_file(b_file, at("b.pb"));
    repository *r = create(true);
    id_of(r, "a.pb", ids[0]);
    id_of(r, "b.pb", ids[1]);
    for (int i = 0; i < CALLERS; i++) {
        callers[i].r = r;
        callers[i].id = ids[i % 2];
        callers[i].expected = expected;
        callers[i].end = &end;
        atomic_init(&callers[i].runs, 0);
        CHECK(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0);
    }
    WAIT_FOR(r, "a.pb", m.runs > 0);
    for (uint64_t i = 0; i < 10; i++) {
        replace_file(i % 2 ? a_file : b_file, at("a.pb"));
        repository_class_change change = {.low = NAN, .high = 0.51 + (double)i * 0.01};
        CHECK(repository_change_settings(r, ids[1], &change, 1, NULL) == HAYA_OK);
        WAIT_FOR(r, "a.pb", m.version == i + 2 && m.runs > 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        for (int tries = 0; tries < 3000 && atomic_load(&callers[i].runs) == 0; tries++) {
            pause_ms(20);
        }
    }
    atomic_store(&end, true);
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK(atomic_load(&callers[i].runs) > 0);
    }
    repository_free(r);
    remove_folder();
}

/* Mappings of files of the folder: of all, or of those that have no name any more. */
static int count_mappings(bool unnamed) {
    char line[1024];
    int count = 0;
    FILE *from = fopen("/proc/self/maps", "r");
    while (CHECK(from) && fgets(line, sizeof line, from)) {
        count += strstr(line, folder) && (!unnamed || strstr(line, "(deleted)"));
    }
    if (from) {
        fclose(from);
    }
    return count;
}

/* For HAYA_TEST_SECONDS, or a few times: a program keeps the file that it was made of, and nobody keeps more. */
static void replacing_again_and_again_keeps_nothing(void) {
    enum { TIMES = 20, CALLS = 3 };
    const char *given = getenv("HAYA_TEST_SECONDS");
    time_t end = time(NULL) + (given ? atoi(given) : 0);
    repository_memory first, last;
    make_folder();
    copy_file(a_file, at("a.pb"));
    copy_file(b_file, at("b.pb"));
    repository_options options = {.folder = folder, .prepare = true, .rest_seconds = 0.02, .scan_seconds = 0.05,
                                  .threads = 1, .sessions = 2, .changed = on_change};
    repository *r;
    CHECK(repository_create(&options, &r, NULL) == HAYA_OK);
    char id[REPOSITORY_ID] = "";
    id_of(r, "a.pb", id);
    WAIT_FOR(r, "a.pb", m.state == REPOSITORY_READY);
    WAIT_FOR(r, "b.pb", m.state == REPOSITORY_READY);
    repository_memory_use(r, &first);
    size_t before = descriptors();
    for (int i = 0; i < 20; i++) { /* a look at the folder has it open */
        size_t now = descriptors();
        before = now < before ? now : before;
        pause_ms(5);
    }
    int times = 0;
    for (uint64_t version = 2; times < TIMES || time(NULL) < end; version++, times++) {
        replace_file(times % 5 == 4 ? other_file : times % 2 ? a_file : b_file, at("a.pb"));
        WAIT_FOR(r, "a.pb", m.version == version);
        for (int i = 0; i < CALLS; i++) {
            repository_result result;
            CHECK(infer(r, id, &result, NULL) == HAYA_OK);
            repository_result_free(&result);
        }
    }
    replace_file(a_file, at("a.pb"));
    WAIT_FOR(r, "a.pb", m.version == (uint64_t)times + 2 && m.state == REPOSITORY_READY);
    repository_memory_use(r, &last);
    for (int tries = 0; tries < 3000 && descriptors() > before; tries++) {
        pause_ms(5);
    }
    CHECK(descriptors() <= before);
    CHECK(count_mappings(true) <= 1);
    CHECK(last.private_bytes <= first.private_bytes && last.mapped_bytes == first.mapped_bytes);
    printf("    %d times, %d files without a name\n", times, count_mappings(true));
    repository_free(r);
    CHECK(count_mappings(false) == 0);
    remove_folder();
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    if (!haya_handle_fault(info->si_addr)) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: test_repository A B OTHER\n");
        return 2;
    }
    a_file = argv[1];
    b_file = argv[2];
    other_file = argv[3];
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
    RUN(models_are_listed_by_name_and_cold);
    RUN(names_are_ordered_as_people_expect);
    RUN(links_that_lead_out_are_left_out);
    RUN(a_structure_has_one_plan_for_all_its_models);
    RUN(runs_tell_what_they_had_to_do);
    RUN(a_thousand_models_start_at_once_and_hold_no_descriptors);
    RUN(a_file_counts_once_it_has_rested);
    RUN(a_file_replaced_by_rename_is_a_new_version);
    RUN(a_broken_new_file_leaves_the_old_one_serving);
    RUN(a_truncated_file_fails_and_recovers);
    RUN(a_deleted_file_is_a_model_less);
    RUN(all_models_are_prepared);
    RUN(what_is_asked_for_or_looked_at_comes_first);
    RUN(files_beyond_the_limit_are_prepared_when_asked_for);
    RUN(settings_are_changed_saved_and_taken_back);
    RUN(settings_that_cannot_be_written_change_nothing);
    RUN(settings_edited_by_others_come_into_force);
    RUN(callers_go_on_while_files_are_replaced);
    RUN(replacing_again_and_again_keeps_nothing);
    return test_summary();
}
