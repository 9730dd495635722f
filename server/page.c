/* SPDX-License-Identifier: Apache-2.0
 *
 * The page's files, which are part of the program.
 */
#include "inside.h"

#include <string.h>

const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void keep(void *user) {
    (void)user;
}

bool answer_page_file(request *q, const char *path) {
    const char *wanted = strcmp(path, "/") == 0 ? "/index.html" : path;
    for (size_t i = 0; i < page_file_count; i++) {
        const page_file *file = &page_files[i];
        if (strcmp(file->path, wanted) != 0) {
            continue;
        }
        if (!answer_unchanged(q, file->etag)) {
            answer_bytes(q, file->type, (void *)(uintptr_t)file->data, file->size, keep, NULL);
            answer_header(q, "ETag", "%s", file->etag);
            answer_header(q, "Cache-Control", "no-cache");
        }
        return true;
    }
    return false;
}
