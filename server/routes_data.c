/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders of pictures: listings, pictures, thumbnails, masks.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 8, MAX_PAGE = 5000 };

/* Refusals of paths: a folder that was not named is forbidden, not a wrong argument. */
static void answer_path_error(request *q, const haya_error *error) {
    answer_haya(q, error);
    if (error->status == HAYA_ERROR_ARGUMENT) {
        q->answer.status = MHD_HTTP_FORBIDDEN;
    }
}

/* ---- Listings ------------------------------------------------------------------------------------------------ */

typedef struct gathering {
    request *request;
    const roots *roots;
    json_t *pictures;
    int64_t offset, limit, total;
    int64_t good, defect, unknown;
    bool flat, truncated;
    seen_folder *seen;           /* the folder, and those below it that were gathered, too */
    size_t seen_count, seen_capacity;
} gathering;

/* What there is no memory or no room for is not watched. */
static void note_seen(gathering *g, const char *path, const listing *l) {
    if (g->seen_count == g->seen_capacity) {
        size_t capacity = g->seen_capacity ? 2 * g->seen_capacity : 8;
        seen_folder *seen = capacity <= 2 * LIMIT_WATCHED ? realloc(g->seen, capacity * sizeof *seen) : NULL;
        if (!seen) {
            return;
        }
        g->seen = seen;
        g->seen_capacity = capacity;
    }
    char *copy = strdup(path);
    if (copy) {
        g->seen[g->seen_count++] = (seen_folder){copy, l->modified, listing_files(l)};
    }
}

static json_t *picture_json(const char *folder, const listed *item, const picture_meaning *p) {
    char *path;
    if (asprintf(&path, "%s/%s", folder, item->name) < 0) {
        return NULL;
    }
    json_t *known = p->truth == TRUTH_GOOD     ? json_string("good")
                    : p->truth == TRUTH_DEFECT ? json_string("defect")
                                               : json_null();
    json_t *object = json_pack("{s:o, s:o, s:I, s:f, s:o, s:o, s:o, s:b}", "name", text_json(item->name), "path",
                               text_json(path), "bytes", (json_int_t)item->bytes, "modified", item->modified,
                               "split",
                               text_json(p->split), "defect", p->defect[0] ? text_json(p->defect) : json_null(),
                               "truth", known, "mask", p->mask[0] != '\0');
    free(path);
    return object;
}

static void gather(gathering *g, const char *folder, const listing *l, int depth);

static void gather_below(gathering *g, const char *folder, const char *name, int depth) {
    char *path;
    listing l;
    if (asprintf(&path, "%s/%s", folder, name) >= 0) {
        if (listing_read(g->roots, path, &l, NULL) == HAYA_OK) {
            gather(g, path, &l, depth + 1);
            listing_free(&l);
        }
        free(path);
    }
}

static void gather(gathering *g, const char *folder, const listing *l, int depth) {
    note_seen(g, folder, l);
    meanings *m = meanings_create(g->roots, folder);
    for (size_t i = 0; m && i < l->count && !g->truncated; i++) {
        const listed *item = &l->items[i];
        picture_meaning p;
        if (item->is_folder) {
            if (g->flat && depth < MAX_DEPTH) {
                gather_below(g, folder, item->name, depth);
            }
            continue;
        }
        if (!is_picture_name(item->name) || (g->flat && !meanings_are_pictures(m))) {
            continue;
        }
        if (g->total == LIMIT_LISTED) {
            g->truncated = true;
            break;
        }
        meanings_of(m, item->name, &p);
        *(p.truth == TRUTH_GOOD ? &g->good : p.truth == TRUTH_DEFECT ? &g->defect : &g->unknown) += 1;
        if (g->total >= g->offset && g->total < g->offset + g->limit) {
            json_array_append_new(g->pictures, picture_json(folder, item, &p));
        }
        g->total++;
    }
    meanings_free(m);
}

static json_t *folder_json(const roots *r, const char *path, const char *name) {
    listing l;
    folder_meaning meaning = {LAYOUT_PLAIN, KIND_FOLDER};
    if (listing_read(r, path, &l, NULL) == HAYA_OK) {
        meaning = folder_meaning_of(r, path, &l);
        listing_free(&l);
    }
    return json_pack("{s:o, s:o, s:s, s:s}", "name", text_json(name), "path", text_json(path), "layout",
                     layout_word(meaning.layout), "kind", kind_word(meaning.kind));
}

static json_t *folders_json(const roots *r, const char *folder, const listing *l) {
    json_t *folders = json_array();
    for (size_t i = 0; i < l->count && l->items[i].is_folder; i++) {
        char *path;
        if (asprintf(&path, "%s/%s", folder, l->items[i].name) >= 0) {
            json_array_append_new(folders, folder_json(r, path, l->items[i].name));
            free(path);
        }
    }
    return folders;
}

static void answer_roots(request *q) {
    const roots *r = q->server->roots;
    json_t *folders = json_array();
    for (size_t i = 0; i < roots_count(r); i++) {
        json_array_append_new(folders, folder_json(r, roots_name(r, i), roots_name(r, i)));
    }
    answer_json(q, 200, json_pack("{s:s, s:n, s:s, s:s, s:o, s:[], s:i, s:i, s:{s:i, s:i, s:i}, s:b}", "path", "",
                                  "parent", "layout", "plain", "kind", "roots", "folders", folders, "pictures",
                                  "total",
                                  0, "offset", 0, "counts", "good", 0, "defect", 0, "unknown", 0, "truncated", 0));
}

static void answer_folder(request *q, const char *path, gathering *g) {
    listing l;
    haya_error error;
    if (listing_read(g->roots, path, &l, &error) != HAYA_OK) {
        answer_path_error(q, &error);
        return;
    }
    folder_meaning meaning = folder_meaning_of(g->roots, path, &l);
    g->pictures = json_array();
    gather(g, path, &l, 0);
    folders_listed(q->server, g->seen, g->seen_count);
    free(g->seen);
    const char *slash = strrchr(path, '/');
    json_t *parent = slash ? json_stringn(path, (size_t)(slash - path)) : json_string("");
    answer_json(q, 200,
                json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:I, s:I, s:{s:I, s:I, s:I}, s:b}", "path",
                          text_json(path),
                          "parent", parent ? parent : json_null(), "layout", layout_word(meaning.layout), "kind",
                          kind_word(meaning.kind), "folders", folders_json(g->roots, path, &l), "pictures",
                          g->pictures,
                          "total", (json_int_t)g->total, "offset", (json_int_t)g->offset, "counts", "good",
                          (json_int_t)g->good, "defect", (json_int_t)g->defect, "unknown", (json_int_t)g->unknown,
                          "truncated", g->truncated));
    listing_free(&l);
}

/* A path without a slash at its end; false: it has been answered that there is none. */
static bool path_of(request *q, char *to, size_t size) {
    const char *path = parameter_of(q, "path");
    size_t length = path ? strlen(path) : 0;
    if (length == 0 || length >= size) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "parameter 'path' is missing, or too long");
        return false;
    }
    memcpy(to, path, length + 1);
    while (length > 0 && to[length - 1] == '/') {
        to[--length] = '\0';
    }
    return true;
}

void handle_data(request *q) {
    char path[4096];
    int64_t flat;
    gathering g = {.request = q, .roots = q->server->roots};
    const char *given = parameter_of(q, "path");
    if (number_parameter(q, "offset", 0, LIMIT_LISTED, 0, &g.offset) &&
        number_parameter(q, "limit", 0, MAX_PAGE, 500, &g.limit) && number_parameter(q, "flat", 0, 1, 0, &flat)) {
        g.flat = flat == 1;
        if (!given || !*given) {
            answer_roots(q);
        } else if (path_of(q, path, sizeof path)) {
            answer_folder(q, path, &g);
        }
    }
    request_finish(q);
}

/* ---- Pictures ------------------------------------------------------------------------------------------------ */

static void make_etag(const struct stat *info, const char *how, char *to, size_t size) {
    snprintf(to, size, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%09ld%s\"", (uint64_t)info->st_ino,
             (uint64_t)info->st_size, (uint64_t)info->st_mtim.tv_sec, (long)info->st_mtim.tv_nsec, how);
}

void handle_data_picture(request *q) {
    char path[4096], etag[128];
    void *data;
    size_t size;
    struct stat info;
    haya_error error;
    if (!path_of(q, path, sizeof path)) {
        request_finish(q);
        return;
    }
    if (!is_picture_name(path)) {
        answer_error(q, 404, HAYA_ERROR_NOT_FOUND, "'%s' is no picture by its name", path);
    } else if (roots_read(q->server->roots, path, server_picture_limits.bytes, &data, &size, &info,
                          &error) != HAYA_OK) {
        answer_path_error(q, &error);
    } else {
        make_etag(&info, parameter_of(q, "as") ? "-png" : "", etag, sizeof etag);
        if (answer_unchanged(q, etag)) {
            free(data);
        } else {
            answer_picture(q, data, size, path);
            answer_header(q, "ETag", "%s", etag);
            answer_header(q, "Cache-Control", "no-cache");
        }
    }
    request_finish(q);
}

void handle_mask(request *q) {
    char path[4096];
    uint8_t *mask;
    int width, height;
    haya_error error;
    if (path_of(q, path, sizeof path)) {
        if (truth_mask(q->server->roots, path, &mask, &width, &height, &error) == HAYA_OK) {
            answer_png(q, width, height, 1, 8, mask);
            free(mask);
        } else {
            answer_path_error(q, &error);
        }
    }
    request_finish(q);
}

/* ---- Thumbnails ---------------------------------------------------------------------------------------------- */

typedef struct thumbnail {
    cached cached;
    void *data;
    size_t size;
} thumbnail;

static void release_thumbnail(cached *item) {
    free(((thumbnail *)item)->data);
    free(item);
}

static picture_status shrink(const picture *p, int side, void **data, size_t *size, picture_error *why) {
    double scale = (double)side / (p->width > p->height ? p->width : p->height);
    int width = scale < 1 ? (int)(p->width * scale + 0.5) : p->width;
    int height = scale < 1 ? (int)(p->height * scale + 0.5) : p->height;
    picture small;
    picture_status status = picture_resize(p, width > 0 ? width : 1, height > 0 ? height : 1, &small, why);
    if (status != PICTURE_OK) {
        return status;
    }
    size_t count = (size_t)small.width * (size_t)small.height * (size_t)small.channels;
    uint8_t *bytes = malloc(count);
    for (size_t i = 0; bytes && i < count; i++) {
        float value = small.pixels[i] * 255.0f / small.white;
        bytes[i] = (uint8_t)(value > 0 ? (value < 255 ? value + 0.5f : 255) : 0);
    }
    if (!bytes || !picture_png_in_memory(small.width, small.height, small.channels, 8, bytes, data, size)) {
        *why = (picture_error){PICTURE_MEMORY, "out of memory"};
        status = PICTURE_MEMORY;
    }
    free(bytes);
    picture_free(&small);
    return status;
}

/* Made of a file's content, which it frees; used. NULL: it has been answered. */
static thumbnail *make_thumbnail(request *q, void *data, size_t size, const char *path, int side, const char *key) {
    thumbnail *made = calloc(1, sizeof *made);
    picture p;
    picture_error why = {PICTURE_MEMORY, "out of memory"};
    haya_error error;
    picture_status status = made ? picture_decode(data, size, path, &server_picture_limits, &p,
                                                  &why) : PICTURE_MEMORY;
    free(data);
    if (status == PICTURE_OK) {
        status = shrink(&p, side, &made->data, &made->size, &why);
        picture_free(&p);
    }
    if (status != PICTURE_OK) {
        free(made);
        picture_failure(&error, &why);
        answer_haya(q, &error);
        return NULL;
    }
    snprintf(made->cached.key, sizeof made->cached.key, "%s", key);
    made->cached.bytes = made->size + sizeof *made;
    made->cached.release = release_thumbnail;
    cache_put(q->server->thumbnails, &made->cached);
    return made;
}

static void answer_thumbnail(request *q, const char *path, int side) {
    server *s = q->server;
    char how[32], etag[160];
    void *data;
    size_t size;
    struct stat info;
    haya_error error;
    if (roots_read(s->roots, path, server_picture_limits.bytes, &data, &size, &info, &error) != HAYA_OK) {
        answer_path_error(q, &error);
        return;
    }
    snprintf(how, sizeof how, "-%" PRIx64 "-%d", (uint64_t)info.st_dev, side);
    make_etag(&info, how, etag, sizeof etag);
    if (answer_unchanged(q, etag)) {
        free(data);
        return;
    }
    thumbnail *found = (thumbnail *)cache_get(s->thumbnails, etag);
    if (found) {
        free(data);
    } else {
        found = make_thumbnail(q, data, size, path, side, etag);
    }
    if (found) {
        void *copy = malloc(found->size);
        if (copy) {
            answer_bytes(q, "image/png", memcpy(copy, found->data, found->size), found->size, NULL, NULL);
            answer_header(q, "ETag", "%s", etag);
            answer_header(q, "Cache-Control", "no-cache");
        } else {
            answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
        }
        cache_done(s->thumbnails, &found->cached);
    }
}

void handle_thumbnail(request *q) {
    char path[4096];
    int64_t side;
    if (path_of(q, path, sizeof path) && number_parameter(q, "size", 16, 512, 128, &side)) {
        if (is_picture_name(path)) {
            answer_thumbnail(q, path, (int)side);
        } else {
            answer_error(q, 404, HAYA_ERROR_NOT_FOUND, "'%s' is no picture by its name", path);
        }
    }
    request_finish(q);
}
