/* SPDX-License-Identifier: Apache-2.0
 *
 * The routes of docs/viewer-api.md.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <string.h>

static const route routes[] = {
    {"GET", "/api/server", "", NO_BODY, IN_CONTROL, handle_server},
    {"GET", "/api/models", "", NO_BODY, IN_CONTROL, handle_models},
    {"GET", "/api/models/*", "", NO_BODY, IN_CONTROL, handle_model},
    {"POST", "/api/models/*/prepare", "", JSON_BODY, IN_CONTROL, handle_prepare_one},
    {"PUT", "/api/models/*/settings", "", JSON_BODY, IN_CONTROL, handle_settings},
    {"POST", "/api/models/*/settings/undo", "", JSON_BODY, IN_CONTROL, handle_undo},
    {"POST", "/api/prepare", "", JSON_BODY, IN_CONTROL, handle_prepare},
    {"PUT", "/api/visible", "", JSON_BODY, IN_CONTROL, handle_visible},
    {"POST", "/api/pictures", " name ", PICTURE_BODY, IN_FILES, handle_upload},
    {"GET", "/api/pictures/*", " as ", NO_BODY, IN_FILES, handle_uploaded},
    {"POST", "/api/infer", " model picture name request ", PICTURE_BODY, IN_INFER, handle_infer},
    {"POST", "/api/infer-all", " models picture name request ", PICTURE_BODY, IN_INFER, handle_infer_all},
    {"DELETE", "/api/requests/*", "", NO_BODY, AT_ONCE, handle_cancel},
    {"GET", "/api/results/*/*", " format threshold ", NO_BODY, IN_FILES, handle_result},
    {"GET", "/api/data", " path offset limit flat ", NO_BODY, IN_FILES, handle_data},
    {"GET", "/api/data/picture", " path as ", NO_BODY, IN_FILES, handle_data_picture},
    {"GET", "/api/data/thumbnail", " path size ", NO_BODY, IN_FILES, handle_thumbnail},
    {"GET", "/api/data/mask", " path ", NO_BODY, IN_FILES, handle_mask},
    {"GET", "/api/memory", "", NO_BODY, IN_CONTROL, handle_memory},
    {"GET", "/api/events", "", NO_BODY, AT_ONCE, handle_events},
};

/* ---- Which route --------------------------------------------------------------------------------------------- */

/* Whether the path is the route's, and what stands for its stars. */
static bool path_matches(const char *pattern, const char *path, char segments[MAX_SEGMENTS][128]) {
    size_t star = 0;
    while (*pattern) {
        if (*pattern != '*') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        size_t length = strcspn(path, "/");
        if (length == 0 || length >= sizeof segments[0]) {
            return false;
        }
        memcpy(segments[star], path, length);
        segments[star++][length] = '\0';
        path += length;
        pattern++;
    }
    return *path == '\0';
}

/* HEAD is GET without what libmicrohttpd then leaves away. */
static bool method_matches(const route *r, const char *method) {
    return strcmp(r->method, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0 &&
                                              r->handle != handle_events);
}

void find_route(request *q, const char *method, const char *path) {
    char allowed[64] = "";
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!path_matches(routes[i].path, path, q->segments)) {
            continue;
        }
        if (method_matches(&routes[i], method)) {
            q->route = &routes[i];
            return;
        }
        snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s", allowed[0] ? ", " : "",
                 routes[i].method);
    }
    if (allowed[0]) {
        answer_error(q, 405, HAYA_ERROR_ARGUMENT, "%s is asked for by %s, not %s", path, allowed, method);
        answer_header(q, "Allow", "%s", allowed);
    } else {
        answer_error(q, 404, HAYA_ERROR_NOT_FOUND, "there is nothing at %s", path);
    }
}
