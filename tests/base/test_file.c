/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "base/file.h"

#include "../test.h"
#include "counting_host.h"
#include "scratch.h"

#define SIZE ((size_t)3 * 4096 + 100)

/* ---- Opening ----------------------------------------------------------------------------------------------- */

static void check_refused(const char *path, haya_status status, const char *why) {
    for (int copy = 0; copy < 2; copy++) {
        haya_error error;
        hy_file *file = (hy_file *)&error;
        CHECK_INT(hy_file_open(path, copy, NULL, &file, &error), status);
        CHECK(file == NULL);
        CHECK_HAS(error.message, path);
        CHECK_HAS(error.message, why);
    }
}

static void a_missing_file_is_refused(void) {
    check_refused(scratch_path("missing.pb"), HAYA_ERROR_IO, "No such file");
}

static void a_null_path_is_refused(void) {
    hy_file *file;
    CHECK_INT(hy_file_open(NULL, false, NULL, &file, NULL), HAYA_ERROR_ARGUMENT);
    CHECK(file == NULL);
}

static void an_empty_file_is_refused(void) {
    const char *path = scratch_path("empty.pb");
    scratch_fill(path, 0, 0);
    check_refused(path, HAYA_ERROR_FORMAT, "empty");
}

static void a_directory_is_refused(void) {
    check_refused(scratch_directory, HAYA_ERROR_IO, "directory");
}

static void folders_are_told_by_what_is_in_them(void) {
    scratch_fill(scratch_path("inside.pb"), 'a', 1);
    mkdir(scratch_path("folder"), 0755);
    CHECK(hy_is_folder(scratch_directory));
    CHECK(!hy_is_folder(scratch_path("inside.pb")));
    CHECK(!hy_is_folder(scratch_path("missing.pb")));
    CHECK(hy_folder_has(scratch_directory, "inside.pb"));
    CHECK(!hy_folder_has(scratch_directory, "folder"));
    CHECK(!hy_folder_has(scratch_directory, "missing.pb"));
    CHECK(!hy_folder_has(scratch_path("inside.pb"), "inside.pb"));
}

static void a_fifo_is_refused_without_waiting(void) {
    const char *path = scratch_path("fifo");
    CHECK_INT(mkfifo(path, 0600), 0);
    alarm(20);
    check_refused(path, HAYA_ERROR_IO, "not a regular file");
    alarm(0);
}

static void a_device_is_refused(void) {
    check_refused("/dev/zero", HAYA_ERROR_IO, "not a regular file");
}

static void a_file_that_must_not_be_read_is_refused(void) {
    const char *path = scratch_path("secret.pb");
    scratch_fill(path, 's', SIZE);
    chmod(path, 0);
    if (access(path, R_OK) != 0) /* root may read it */
        check_refused(path, HAYA_ERROR_IO, "Permission denied");
}

/* A file of 3 pages and a bit, opened one way or the other. */
static hy_file *open_filled(const char *name, bool copy) {
    hy_file *file;
    const char *path = scratch_path(name);
    scratch_fill(path, 'a', SIZE);
    if (!CHECK_INT(hy_file_open(path, copy, NULL, &file, NULL), HAYA_OK))
        exit(1);
    return file;
}

static bool all_are(const uint8_t *data, size_t size, uint8_t value) {
    for (size_t i = 0; i < size; i++)
        if (data[i] != value)
            return false;
    return true;
}

static void a_file_is_mapped_or_copied(void) {
    for (int copy = 0; copy < 2; copy++) {
        hy_file *file = open_filled("model.pb", copy);
        CHECK_INT(hy_file_size(file), SIZE);
        CHECK(all_are(hy_file_data(file), SIZE, 'a'));
        CHECK_STR(hy_file_path(file), scratch_path("model.pb"));
        CHECK_INT(hy_file_is_mapped(file), !copy);
        CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
        CHECK_INT((uintptr_t)hy_file_data(file) % HY_CACHE_LINE, 0);
        hy_file_release(file);
    }
    hy_file_release(NULL);
}

static void no_descriptor_stays_open(void) {
    int before = dup(0);
    hy_file *mapped = open_filled("model.pb", false), *copied = open_filled("model.pb", true), *none;
    hy_file_open(scratch_path("missing.pb"), false, NULL, &none, NULL);
    hy_file_open(scratch_directory, false, NULL, &none, NULL);
    int after = dup(0);
    CHECK_INT(after, before + 1);
    close(before);
    close(after);
    hy_file_release(mapped);
    hy_file_release(copied);
}

static void the_last_reference_frees(void) {
    counting_host counts;
    haya_host host = counting_host_make(&counts);
    const char *path = scratch_path("model.pb");
    hy_file *file;
    scratch_fill(path, 'a', SIZE);
    CHECK_INT(hy_file_open(path, true, &host, &file, NULL), HAYA_OK);
    hy_file_retain(file);
    hy_file_release(file);
    CHECK(all_are(hy_file_data(file), SIZE, 'a'));
    hy_file_release(file);
    CHECK_INT(counts.alive, 0);
    CHECK_INT(counts.bytes, 0);
}

/* ---- Files that change --------------------------------------------------------------------------------------- */

static void check_changed(const hy_file *file, const char *why) {
    haya_error error;
    CHECK_INT(hy_file_check(file, &error), HAYA_ERROR_FILE_CHANGED);
    CHECK_HAS(error.message, hy_file_path(file));
    CHECK_HAS(error.message, why);
}

static void a_truncated_file_is_noticed(void) {
    hy_file *file = open_filled("model.pb", false);
    CHECK_INT(truncate(scratch_path("model.pb"), 5000), 0);
    check_changed(file, "has 5000 now");
    CHECK(all_are(hy_file_data(file), 5000, 'a'));
    hy_file_release(file);
}

static void a_file_overwritten_in_place_is_noticed(void) {
    hy_file *file = open_filled("model.pb", false);
    scratch_let_time_pass();
    scratch_fill(scratch_path("model.pb"), 'b', SIZE);
    check_changed(file, "modified");
    hy_file_release(file);
}

/* cp -p, rsync --inplace -t: the time of modification is as before, that of the inode's change is not. */
static void an_old_modification_time_hides_nothing(void) {
    hy_file *file = open_filled("model.pb", false);
    const char *path = scratch_path("model.pb");
    struct stat info;
    stat(path, &info);
    scratch_let_time_pass();
    scratch_fill(path, 'b', SIZE);
    struct timespec times[2] = {info.st_atim, info.st_mtim};
    CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
    check_changed(file, "modified");
    hy_file_release(file);
}

static void a_replaced_file_goes_on_with_the_old_bytes(void) {
    hy_file *file = open_filled("model.pb", false);
    scratch_fill(scratch_path("new.pb"), 'b', SIZE + 1);
    CHECK_INT(rename(scratch_path("new.pb"), scratch_path("model.pb")), 0);
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    CHECK(all_are(hy_file_data(file), SIZE, 'a'));
    hy_file_release(file);
}

static void a_deleted_or_renamed_file_goes_on(void) {
    hy_file *file = open_filled("model.pb", false);
    CHECK_INT(rename(scratch_path("model.pb"), scratch_path("renamed.pb")), 0);
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    CHECK_INT(unlink(scratch_path("renamed.pb")), 0);
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    CHECK(all_are(hy_file_data(file), SIZE, 'a'));
    hy_file_release(file);
}

/* As within rename(), for a moment: the path leads to the inode, which has no link any more. */
static void a_file_that_is_just_being_replaced_goes_on(void) {
    hy_file *file;
    char path[64];
    scratch_fill(scratch_path("one.pb"), 'a', SIZE);
    int fd = open(scratch_path("one.pb"), O_RDONLY);
    CHECK_INT(link(scratch_path("one.pb"), scratch_path("two.pb")), 0);
    CHECK_INT(unlink(scratch_path("one.pb")), 0); /* so that the path below cannot be resolved to another */
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (access(path, F_OK) == 0 && CHECK_INT(hy_file_open(path, false, NULL, &file, NULL), HAYA_OK)) {
        scratch_let_time_pass();
        CHECK_INT(unlink(scratch_path("two.pb")), 0);
        CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
        hy_file_release(file);
    }
    close(fd);
}

static void a_copy_is_immune(void) {
    hy_file *file = open_filled("model.pb", true);
    scratch_fill(scratch_path("model.pb"), 'b', 10);
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    CHECK(all_are(hy_file_data(file), SIZE, 'a'));
    hy_file_release(file);
}

static void a_link_that_moves_on_does_not_hide_the_old_target(void) {
    hy_file *file;
    scratch_fill(scratch_path("v1.pb"), 'a', SIZE);
    scratch_fill(scratch_path("v2.pb"), 'b', SIZE);
    CHECK_INT(symlink("v1.pb", scratch_path("current.pb")), 0);
    CHECK_INT(hy_file_open(scratch_path("current.pb"), false, NULL, &file, NULL), HAYA_OK);
    CHECK_STR(hy_file_path(file), scratch_path("current.pb"));
    unlink(scratch_path("current.pb"));
    CHECK_INT(symlink("v2.pb", scratch_path("current.pb")), 0);
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    CHECK_INT(truncate(scratch_path("v1.pb"), 10), 0);
    check_changed(file, "has 10 now");
    hy_file_release(file);
}

static void a_relative_path_survives_a_change_of_directory(void) {
    char before[4096];
    hy_file *file;
    scratch_fill(scratch_path("model.pb"), 'a', SIZE);
    CHECK(getcwd(before, sizeof before) != NULL);
    CHECK_INT(chdir(scratch_directory), 0);
    CHECK_INT(hy_file_open("model.pb", false, NULL, &file, NULL), HAYA_OK);
    CHECK_STR(hy_file_path(file), "model.pb");
    CHECK_INT(chdir(before), 0);
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    CHECK_INT(truncate(scratch_path("model.pb"), 10), 0);
    check_changed(file, "has 10 now");
    hy_file_release(file);
}

static void any_range_can_be_fetched(void) {
    hy_file *file = open_filled("model.pb", false), *copy = open_filled("copy.pb", true);
    void (*const calls[])(const hy_file *, size_t, size_t) = {hy_file_request, hy_file_populate};
    hy_file_read_sparsely(file, true);
    hy_file_read_sparsely(copy, true);
    for (int i = 0; i < 2; i++) {
        calls[i](file, 0, SIZE);
        calls[i](file, 4095, 2);
        calls[i](file, 100, SIZE_MAX);
        calls[i](file, SIZE, 1);
        calls[i](file, SIZE_MAX, SIZE_MAX);
        calls[i](copy, 0, SIZE);
    }
    hy_file_read_sparsely(file, false);
    CHECK_INT(truncate(scratch_path("model.pb"), 10), 0);
    for (int i = 0; i < 2; i++)
        calls[i](file, 0, SIZE);
    hy_file_release(file);
    hy_file_release(copy);
}

/* ---- Memory ------------------------------------------------------------------------------------------------ */

static void count_release(void *user) {
    ++*(int *)user;
}

static void copied_memory_is_independent(void) {
    char data[100] = "abc";
    hy_file *file;
    CHECK_INT(hy_file_copy(data, sizeof data, "weights", NULL, &file, NULL), HAYA_OK);
    data[0] = 'x';
    CHECK_STR((const char *)hy_file_data(file), "abc");
    CHECK_INT(hy_file_size(file), sizeof data);
    CHECK_STR(hy_file_path(file), "weights");
    CHECK(!hy_file_is_mapped(file));
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    hy_file_release(file);
}

static void borrowed_memory_is_released_once(void) {
    char data[100] = "abc";
    int releases = 0;
    hy_file *file;
    CHECK_INT(hy_file_borrow(data, sizeof data, NULL, count_release, &releases, NULL, &file, NULL), HAYA_OK);
    CHECK(hy_file_data(file) == (uint8_t *)data);
    CHECK_STR(hy_file_path(file), "(memory)");
    hy_file_retain(file);
    hy_file_release(file);
    CHECK_INT(releases, 0);
    hy_file_release(file);
    CHECK_INT(releases, 1);
    CHECK_INT(hy_file_borrow(data, sizeof data, NULL, NULL, NULL, NULL, &file, NULL), HAYA_OK);
    hy_file_release(file);
}

static void empty_or_null_memory_is_refused_and_released(void) {
    int releases = 0;
    haya_error error;
    hy_file *file;
    CHECK_INT(hy_file_borrow("", 0, "x", count_release, &releases, NULL, &file, &error), HAYA_ERROR_FORMAT);
    CHECK_STR(error.message, "x: empty");
    CHECK(file == NULL);
    CHECK_INT(hy_file_borrow(NULL, 5, "x", count_release, &releases, NULL, &file, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(hy_file_borrow(NULL, 5, "x", NULL, NULL, NULL, &file, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(releases, 2);
    CHECK_INT(hy_file_copy(NULL, 0, "x", NULL, &file, &error), HAYA_ERROR_FORMAT);
    CHECK_INT(hy_file_copy(NULL, 5, "x", NULL, &file, &error), HAYA_ERROR_ARGUMENT);
    CHECK_INT(hy_file_copy("", SIZE_MAX / 2 + 2, "x", NULL, &file, &error), HAYA_ERROR_MEMORY);
    CHECK(file == NULL);
}

static void a_half_host_is_refused_everywhere(void) {
    haya_host half = {.struct_size = sizeof half, .release = counting_release};
    int releases = 0;
    hy_file *file;
    scratch_fill(scratch_path("model.pb"), 'a', SIZE);
    CHECK_INT(hy_file_open(scratch_path("model.pb"), false, &half, &file, NULL), HAYA_ERROR_ARGUMENT);
    CHECK_INT(hy_file_copy("abc", 3, "x", &half, &file, NULL), HAYA_ERROR_ARGUMENT);
    CHECK_INT(hy_file_borrow("abc", 3, "x", count_release, &releases, &half, &file, NULL), HAYA_ERROR_ARGUMENT);
    CHECK_INT(releases, 1);
}

/* Refuses the first allocation, then the second, ... until the call succeeds: nothing may stay behind. */
static void without_memory_nothing_stays_behind(void) {
    const char *path = scratch_path("model.pb");
    scratch_fill(path, 'a', SIZE);
    for (int way = 0; way < 4; way++) {
        haya_status status = HAYA_ERROR_MEMORY;
        for (int allowed = 0; allowed < 10 && status == HAYA_ERROR_MEMORY; allowed++) {
            counting_host counts;
            haya_host host = counting_host_make(&counts);
            haya_error error;
            int releases = 0;
            hy_file *file;
            counts.refuse_from = allowed;
            if (way < 2)
                status = hy_file_open(path, way == 1, &host, &file, &error);
            else if (way == 2)
                status = hy_file_copy("abc", 3, "x", &host, &file, &error);
            else
                status = hy_file_borrow("abc", 3, "x", count_release, &releases, &host, &file, &error);
            CHECK_INT(file != NULL, status == HAYA_OK);
            CHECK_INT(releases, way == 3 && status != HAYA_OK);
            hy_file_release(file);
            CHECK_INT(counts.alive, 0);
        }
        CHECK_INT(status, HAYA_OK);
    }
}

int main(void) {
    scratch_create();
    RUN(a_missing_file_is_refused);
    RUN(a_null_path_is_refused);
    RUN(an_empty_file_is_refused);
    RUN(a_directory_is_refused);
    RUN(folders_are_told_by_what_is_in_them);
    RUN(a_fifo_is_refused_without_waiting);
    RUN(a_device_is_refused);
    RUN(a_file_that_must_not_be_read_is_refused);
    RUN(a_file_is_mapped_or_copied);
    RUN(no_descriptor_stays_open);
    RUN(the_last_reference_frees);
    RUN(a_truncated_file_is_noticed);
    RUN(a_file_overwritten_in_place_is_noticed);
    RUN(an_old_modification_time_hides_nothing);
    RUN(a_replaced_file_goes_on_with_the_old_bytes);
    RUN(a_deleted_or_renamed_file_goes_on);
    RUN(a_file_that_is_just_being_replaced_goes_on);
    RUN(a_copy_is_immune);
    RUN(a_link_that_moves_on_does_not_hide_the_old_target);
    RUN(a_relative_path_survives_a_change_of_directory);
    RUN(any_range_can_be_fetched);
    RUN(copied_memory_is_independent);
    RUN(borrowed_memory_is_released_once);
    RUN(empty_or_null_memory_is_refused_and_released);
    RUN(a_half_host_is_refused_everywhere);
    RUN(without_memory_nothing_stays_behind);
    return test_summary();
}
