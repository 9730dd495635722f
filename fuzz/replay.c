/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for the fuzzer's main: gives each file named, and each file in a folder named and below it, to the target
 * once.
 */
#if defined(__unix__) || defined(__APPLE__)
#  define _DEFAULT_SOURCE /* d_name */
#  include <dirent.h>
#  define HAS_FOLDERS 1
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int files_replayed;

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        printf("cannot read %s\n", path);
        if (file)
            fclose(file);
        return 1;
    }
    long size = ftell(file);
    rewind(file);
    /* A block of just the file's size, so that a sanitizer sees what goes beyond it. */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    size_t read = data && size > 0 ? fread(data, 1, (size_t)size, file) : 0;
    fclose(file);
    int failed = !data || read != (size_t)size;
    if (failed)
        printf("cannot read %s\n", path);
    else
        LLVMFuzzerTestOneInput(data, read);
    free(data);
    files_replayed++;
    return failed;
}

#if defined(HAS_FOLDERS)
/* -1: no folder. */
static int replay_folder(const char *path) {
    DIR *folder = opendir(path);
    int failed = 0;
    if (!folder)
        return -1;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char file[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        int below = replay_folder(file);
        failed |= below < 0 ? replay_file(file) : below;
    }
    closedir(folder);
    return failed;
}
#else
static int replay_folder(const char *path) {
    (void)path;
    return -1;
}
#endif

int main(int argc, char **argv) {
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        int folder = replay_folder(argv[i]);
        failed |= folder < 0 ? replay_file(argv[i]) : folder;
    }
    printf("%d inputs replayed\n", files_replayed);
    return failed || files_replayed == 0;
}
