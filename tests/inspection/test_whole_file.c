/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that appear when they are complete.
 */
#define _GNU_SOURCE /* scratch.h */
#include "inspection/whole_file.h"

#include "../base/scratch.h"
#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>

static int count_files(void) {
    DIR *directory = opendir(scratch_directory);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static bool holds(const char *path, const char *text) {
    char found[64] = "";
    FILE *from = fopen(path, "rb");
    size_t size = from ? fread(found, 1, sizeof found - 1, from) : 0;
    if (from) {
        fclose(from);
    }
    return size == strlen(text) && memcmp(found, text, size) == 0;
}

static void a_file_appears_when_it_is_complete(void) {
    const char *path = scratch_path("a");
    whole_file file = {0};
    if (!CHECK(whole_file_begin(&file, path))) {
        return;
    }
    fputs("new", file.stream);
    fflush(file.stream);
    CHECK(access(path, F_OK) != 0);
    CHECK(whole_file_finish(&file, true));
    CHECK(holds(path, "new"));
    whole_file_free(&file);
    CHECK_INT(count_files(), 1);
}

static void what_fails_leaves_the_old_file(void) {
    const char *path = scratch_path("a");
    whole_file file = {0};
    if (CHECK(whole_file_begin(&file, path))) {
        fputs("half", file.stream);
        errno = ENOSPC;
        CHECK(!whole_file_finish(&file, false));
        CHECK_INT(errno, ENOSPC);
        whole_file_free(&file);
    }
    if (CHECK(whole_file_begin(&file, path))) {
        fputs("half", file.stream);
        CHECK_INT(count_files(), 2);
        fclose(file.stream);
        whole_file_discard(&file);
        whole_file_free(&file);
    }
    CHECK(holds(path, "new"));
    CHECK_INT(count_files(), 1);
    CHECK(!whole_file_begin(&file, scratch_path("no/folder")));
    CHECK_INT(errno, ENOENT);
    mkdir(scratch_path("folder"), 0755);
    if (CHECK(whole_file_begin(&file, scratch_path("folder")))) {
        CHECK(!whole_file_finish(&file, true));
        CHECK_INT(errno, EISDIR);
        whole_file_free(&file);
    }
    rmdir(scratch_path("folder"));
    CHECK_INT(count_files(), 1);
}

enum { THREADS = 8, ROUNDS = 50 };

static void *write_often(void *path) {
    for (int i = 0; i < ROUNDS; i++) {
        whole_file file = {0};
        if (CHECK(whole_file_begin(&file, path))) {
            CHECK(fputs("the same length", file.stream) >= 0 && whole_file_finish(&file, true));
        }
        whole_file_free(&file);
    }
    return NULL;
}

static void threads_may_write_one_file(void) {
    char *path = strdup(scratch_path("a"));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, write_often, path), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(holds(path, "the same length"));
    CHECK_INT(count_files(), 1);
    free(path);
}

int main(void) {
    scratch_create();
    RUN(a_file_appears_when_it_is_complete);
    RUN(what_fails_leaves_the_old_file);
    RUN(threads_may_write_one_file);
    return test_summary();
}
