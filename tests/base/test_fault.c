/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapped files that are truncated while they are read: the faults are real.
 */
#define _GNU_SOURCE

#include "base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "../test.h"
#include "base/file.h"
#include "scratch.h"

#define PAGES 64

static size_t page;
static atomic_int faults;

static void handle(int number, siginfo_t *info, void *context) {
    (void)context;
    atomic_fetch_add(&faults, 1);
    if (hy_file_patch_fault(info->si_addr))
        return;
    signal(number, SIG_DFL);
}

static void install_handler(void) {
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = handle;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

static hy_file *open_pages(const char *name) {
    hy_file *file;
    scratch_fill(scratch_path(name), 'a', PAGES * page - 10);
    if (!CHECK_INT(hy_file_open(scratch_path(name), false, NULL, &file, NULL), HAYA_OK))
        exit(1);
    return file;
}

static int at(const hy_file *file, size_t offset) {
    return ((const volatile uint8_t *)hy_file_data(file))[offset];
}

static void a_truncated_mapping_reads_as_zeros_once_patched(void) {
    hy_file *file = open_pages("model.pb");
    haya_error error;
    CHECK_INT(truncate(scratch_path("model.pb"), (off_t)(10 * page)), 0);
    atomic_store(&faults, 0);
    errno = 12345;
    CHECK_INT(at(file, 20 * page + 7), 0);
    CHECK_INT(errno, 12345);
    CHECK_INT(atomic_load(&faults), 1);
    CHECK_INT(at(file, hy_file_size(file) - 1), 0); /* patched to the end at once */
    CHECK_INT(atomic_load(&faults), 1);
    CHECK_INT(at(file, 10 * page), 0); /* before the patch: a fault of its own */
    CHECK_INT(atomic_load(&faults), 2);
    CHECK_INT(at(file, 10 * page - 1), 'a');
    CHECK_INT(hy_file_check(file, &error), HAYA_ERROR_FILE_CHANGED);
    CHECK_HAS(error.message, "truncated");
    CHECK_HAS(error.message, "model.pb");
    hy_file_release(file);
}

static void a_patched_file_stays_damaged_when_the_file_is_back(void) {
    hy_file *file = open_pages("model.pb");
    CHECK_INT(truncate(scratch_path("model.pb"), 0), 0);
    CHECK_INT(at(file, 0), 0);
    unlink(scratch_path("model.pb"));
    CHECK_INT(hy_file_check(file, NULL), HAYA_ERROR_FILE_CHANGED);
    hy_file *again = open_pages("model.pb");
    CHECK_INT(hy_file_check(again, NULL), HAYA_OK);
    hy_file_release(file);
    CHECK_INT(at(again, 5 * page), 'a');
    hy_file_release(again);
}

static void addresses_outside_of_mappings_are_not_ours(void) {
    int local = 0;
    hy_file *file = open_pages("model.pb");
    const uint8_t *data = hy_file_data(file);
    CHECK(!hy_file_patch_fault(&local));
    CHECK(!hy_file_patch_fault(NULL));
    CHECK(!hy_file_patch_fault((const void *)UINTPTR_MAX));
    CHECK(!hy_file_patch_fault((const void *)((uintptr_t)data - 1)));
    CHECK(!hy_file_patch_fault((const void *)((uintptr_t)data + PAGES * page)));
    CHECK_INT(hy_file_check(file, NULL), HAYA_OK);
    CHECK(hy_file_patch_fault(data + PAGES * page - 1)); /* beyond the file, in its last page */
    hy_file_release(file);
    CHECK(!hy_file_patch_fault(data));
}

static void private_copies_are_not_registered(void) {
    hy_file *file;
    scratch_fill(scratch_path("copy.pb"), 'a', page);
    CHECK_INT(hy_file_open(scratch_path("copy.pb"), true, NULL, &file, NULL), HAYA_OK);
    CHECK(!hy_file_patch_fault(hy_file_data(file)));
    hy_file_release(file);
}

/* More than one chunk of the registry holds. */
static void any_number_of_mappings_is_found(void) {
    enum { COUNT = 700 };
    static hy_file *files[COUNT];
    const char *path = scratch_path("many.pb");
    scratch_fill(path, 'a', 2 * page);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++)
            CHECK_INT(hy_file_open(path, false, NULL, &files[i], NULL), HAYA_OK);
        for (int i = 0; i < COUNT; i += 3) {
            const uint8_t *data = hy_file_data(files[i]);
            CHECK(hy_file_patch_fault(data + page));
            CHECK_INT(data[page - 1], 'a');
            CHECK_INT(data[page], 0);
        }
        for (int i = 0; i < COUNT; i++)
            CHECK_INT(hy_file_check(files[i], NULL), i % 3 == 0 ? HAYA_ERROR_FILE_CHANGED : HAYA_OK);
        for (int i = 0; i < COUNT; i++)
            hy_file_release(files[i]);
    }
}

/* ---- Several threads --------------------------------------------------------------------------------------- */

static atomic_bool stop;

static void *read_until_stopped(void *argument) {
    const hy_file *file = argument;
    size_t sum = 0;
    while (!atomic_load(&stop))
        for (int i = 0; i < PAGES; i++)
            sum += (size_t)at(file, (size_t)i * page);
    return (void *)(sum & 1);
}

static void readers_survive_a_truncation_under_their_hands(void) {
    for (int round = 0; round < 20; round++) {
        hy_file *file = open_pages("model.pb");
        pthread_t threads[4];
        atomic_store(&stop, false);
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, read_until_stopped, file);
        CHECK_INT(truncate(scratch_path("model.pb"), (off_t)((size_t)(round * 3) * page)), 0);
        while (hy_file_check(file, NULL) == HAYA_OK || at(file, PAGES * page - 11) != 0) {
        }
        atomic_store(&stop, true);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        hy_file_release(file);
    }
}

static void *open_and_close(void *argument) {
    const char *path = argument;
    for (int i = 0; i < 300; i++) {
        hy_file *files[3];
        for (int j = 0; j < 3; j++)
            CHECK_INT(hy_file_open(path, false, NULL, &files[j], NULL), HAYA_OK);
        for (int j = 0; j < 3; j++) {
            CHECK_INT(hy_file_check(files[j], NULL), HAYA_OK);
            hy_file_release(files[j]);
        }
    }
    return NULL;
}

static void look_ups_while_files_come_and_go_find_no_strangers(void) {
    const char *path = scratch_path("model.pb");
    pthread_t threads[3];
    int local = 0;
    scratch_fill(path, 'a', page);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, open_and_close, (void *)(uintptr_t)path);
    for (int i = 0; i < 20000; i++)
        if (hy_file_patch_fault(&local))
            FAIL("the stack is no file");
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

int main(void) {
    page = (size_t)sysconf(_SC_PAGESIZE);
    scratch_create();
    install_handler();
    RUN(a_truncated_mapping_reads_as_zeros_once_patched);
    RUN(a_patched_file_stays_damaged_when_the_file_is_back);
    RUN(addresses_outside_of_mappings_are_not_ours);
    RUN(private_copies_are_not_registered);
    RUN(any_number_of_mappings_is_found);
    RUN(readers_survive_a_truncation_under_their_hands);
    RUN(look_ups_while_files_come_and_go_find_no_strangers);
    return test_summary();
}
