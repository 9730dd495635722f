/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures: uploaded or from the data folders, decoded for inferences and shown to browsers.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const picture_limits server_picture_limits = {LIMIT_PICTURE_SIDE, LIMIT_PICTURE_SIDE, LIMIT_PICTURE_BYTES};

haya_status picture_failure(haya_error *error, const picture_error *why) {
    return inspection_fail_picture(error, why);
}

/* ---- Shown by browsers --------------------------------------------------------------------------------------- */

static const char *shown_type(const char *format) {
    return !format                      ? NULL
           : strcmp(format, "PNG") == 0  ? "image/png"
           : strcmp(format, "JPEG") == 0 ? "image/jpeg"
           : strcmp(format, "BMP") == 0  ? "image/bmp"
                                         : NULL;
}

void answer_png(request *q, int width, int height, int channels, int bits, const void *samples) {
    void *data;
    size_t size;
    if (picture_png_in_memory(width, height, channels, bits, samples, &data, &size)) {
        answer_bytes(q, "image/png", data, size, NULL, NULL);
    } else {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "no memory to write a PNG");
    }
}

static uint8_t *to_bytes(const picture *p) {
    size_t count = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    uint8_t *bytes = malloc(count);
    for (size_t i = 0; bytes && i < count; i++) {
        float value = p->pixels[i] * 255.0f / p->white;
        bytes[i] = (uint8_t)(value > 0 ? (value < 255 ? value + 0.5f : 255) : 0);
    }
    return bytes;
}

void answer_picture(request *q, void *data, size_t size, const char *name) {
    const char *as = parameter_of(q, "as");
    const char *type = shown_type(picture_format(data, size));
    if (as && strcmp(as, "png") != 0) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "parameter 'as' can be png alone");
    } else if (type && !as) {
        answer_bytes(q, type, data, size, NULL, NULL);
        return;
    } else {
        picture p;
        picture_error why;
        haya_error error;
        if (picture_decode(data, size, name, &server_picture_limits, &p, &why) != PICTURE_OK) {
            picture_failure(&error, &why);
            answer_haya(q, &error);
        } else {
            uint8_t *bytes = to_bytes(&p);
            if (bytes) {
                answer_png(q, p.width, p.height, p.channels, 8, bytes);
            } else {
                answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
            }
            free(bytes);
            picture_free(&p);
        }
    }
    free(data);
}

/* ---- Uploaded ------------------------------------------------------------------------------------------------ */

static void release_kept(cached *item) {
    kept_picture *kept = (kept_picture *)item;
    free(kept->data);
    free(kept);
}

static void make_key(const unsigned char *data, size_t size, int tries, char *to, size_t room) {
    uint64_t a = 0xcbf29ce484222325u + (uint64_t)tries, b = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < size; i++) {
        a = (a ^ data[i]) * 0x100000001b3u;
        b = (b + data[i]) * 0xff51afd7ed558ccdu;
        b ^= b >> 29;
    }
    snprintf(to, room, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

/* The picture under its content's key, new or there before; used. NULL: no memory. */
static kept_picture *keep(server *s, unsigned char **data, size_t size, const picture *p, const char *name) {
    kept_picture *kept = calloc(1, sizeof *kept);
    if (!kept) {
        return NULL;
    }
    for (int tries = 0;; tries++) {
        make_key(*data, size, tries, kept->cached.key, sizeof kept->cached.key);
        kept_picture *there = (kept_picture *)cache_get(s->pictures, kept->cached.key);
        if (there && there->size == size && memcmp(there->data, *data, size) == 0) {
            free(kept);
            return there;
        }
        if (!there) {
            break;
        }
        cache_done(s->pictures, &there->cached); /* other bytes of the same key */
    }
    kept->cached.bytes = size + sizeof *kept;
    kept->cached.release = release_kept;
    kept->data = *data;
    kept->size = size;
    kept->width = p->width;
    kept->height = p->height;
    kept->channels = p->channels;
    snprintf(kept->name, sizeof kept->name, "%s", name);
    *data = NULL;
    cache_put(s->pictures, &kept->cached);
    return kept;
}

/* ---- For inferences ------------------------------------------------------------------------------------------ */

static char *escaped(const char *text) {
    char *to = malloc(3 * strlen(text) + 1), *at = to;
    for (; to && *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-_.~", *text)) {
            *at++ = *text;
        } else {
            at += sprintf(at, "%%%02X", (unsigned char)*text);
        }
    }
    if (to) {
        *at = '\0';
    }
    return to;
}

void shown_picture_free(shown_picture *shown) {
    picture_free(&shown->picture);
    free(shown->ref);
    free(shown->name);
    free(shown->url);
    *shown = (shown_picture){0};
}

static haya_status decode(const void *data, size_t size, const char *name, shown_picture *shown,
                          haya_error *error) {
    picture_error why;
    double start = clock_ms();
    if (picture_decode(data, size, name, &server_picture_limits, &shown->picture, &why) != PICTURE_OK) {
        return picture_failure(error, &why);
    }
    shown->decode_ms = clock_ms() - start;
    shown->format = picture_format(data, size);
    shown->bytes = size;
    return HAYA_OK;
}

static haya_status describe(shown_picture *shown, const char *ref, const char *name, const char *url_format,
                            haya_error *error) {
    char *part = escaped(ref[0] == '@' ? ref + 1 : ref);
    shown->ref = strdup(ref);
    shown->name = strdup(name);
    if (part && asprintf(&shown->url, "%s%s", url_format, part) < 0) {
        shown->url = NULL;
    }
    free(part);
    return shown->ref && shown->name && shown->url ? HAYA_OK
                                                   : inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
}

static haya_status open_kept(server *s, const char *ref, shown_picture *shown, haya_error *error) {
    kept_picture *kept = (kept_picture *)cache_get(s->pictures, ref + 1);
    if (!kept) {
        return inspection_fail(error, HAYA_ERROR_NOT_FOUND, "the picture '%s' is not kept; upload it again", ref);
    }
    haya_status status = decode(kept->data, kept->size, kept->name, shown, error);
    status = status == HAYA_OK ? describe(shown, ref, kept->name, "/api/pictures/", error) : status;
    cache_done(s->pictures, &kept->cached);
    return status;
}

haya_status shown_picture_open(server *s, const char *ref, shown_picture *shown, haya_error *error) {
    void *data = NULL;
    size_t size;
    struct stat info;
    haya_status status;
    *shown = (shown_picture){0};
    if (ref[0] == '@') {
        status = open_kept(s, ref, shown, error);
    } else {
        const char *slash = strrchr(ref, '/');
        status = roots_read(s->roots, ref, server_picture_limits.bytes, &data, &size, &info, error);
        status = status == HAYA_OK ? decode(data, size, ref, shown, error) : status;
        status = status == HAYA_OK ? describe(shown, ref, slash ? slash + 1 : ref, "/api/data/picture?path=", error)
                                   : status;
        free(data);
    }
    if (status != HAYA_OK) {
        shown_picture_free(shown);
    }
    return status;
}

/* From the body, which then is kept. */
static haya_status take_body(request *q, shown_picture *shown, haya_error *error) {
    const char *name = parameter_of(q, "name");
    name = name && *name ? name : "picture";
    *shown = (shown_picture){0};
    if (q->body_size == 0) {
        return inspection_fail(error, HAYA_ERROR_ARGUMENT, "a picture is missing: as the body, or as parameter "
                               "'picture'");
    }
    haya_status status = decode(q->body, q->body_size, name, shown, error);
    kept_picture *kept = NULL;
    if (status == HAYA_OK) {
        kept = keep(q->server, &q->body, q->body_size, &shown->picture, name);
        status = kept ? HAYA_OK : inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory");
    }
    if (status == HAYA_OK) {
        char ref[sizeof kept->cached.key + 1];
        snprintf(ref, sizeof ref, "@%s", kept->cached.key);
        status = describe(shown, ref, name, "/api/pictures/", error);
    }
    cache_done(q->server->pictures, kept ? &kept->cached : NULL);
    if (status != HAYA_OK) {
        shown_picture_free(shown);
    }
    return status;
}

bool shown_picture_of(request *q, shown_picture *shown) {
    const char *ref = parameter_of(q, "picture");
    haya_error error;
    if (ref && q->body_size > 0) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT,
                     "the picture is given twice: as the body, and as parameter 'picture'");
        return false;
    }
    haya_status status = ref ? shown_picture_open(q->server, ref, shown, &error) : take_body(q, shown, &error);
    if (status == HAYA_OK) {
        return true;
    }
    answer_haya(q, &error);
    if (ref && ref[0] == '@' && status == HAYA_ERROR_NOT_FOUND) {
        q->answer.status = MHD_HTTP_GONE;
    } else if (ref && ref[0] != '@' && status == HAYA_ERROR_ARGUMENT) {
        q->answer.status = MHD_HTTP_FORBIDDEN;
    } else if (!ref && status == HAYA_ERROR_FORMAT && !picture_format(q->body, q->body_size)) {
        q->answer.status = MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    return false;
}

json_t *shown_picture_json(const shown_picture *shown) {
    return json_pack("{s:o, s:o, s:o, s:i, s:i, s:i, s:s, s:I}", "ref", text_json(shown->ref), "name",
                     text_json(shown->name), "url", text_json(shown->url), "width", shown->picture.width, "height",
                     shown->picture.height, "channels", shown->picture.channels, "format",
                     shown->format ? shown->format : "", "bytes", (json_int_t)shown->bytes);
}

/* ---- Routes -------------------------------------------------------------------------------------------------- */

void handle_upload(request *q) {
    shown_picture shown;
    if (shown_picture_of(q, &shown)) {
        answer_json(q, 201, json_pack("{s:o}", "picture", shown_picture_json(&shown)));
        shown_picture_free(&shown);
    }
    request_finish(q);
}

void handle_uploaded(request *q) {
    kept_picture *kept = (kept_picture *)cache_get(q->server->pictures, q->segments[0]);
    char etag[80];
    snprintf(etag, sizeof etag, "\"%.64s%s\"", q->segments[0], parameter_of(q, "as") ? "-png" : "");
    void *copy = kept ? malloc(kept->size) : NULL;
    if (!kept) {
        answer_error(q, 410, HAYA_ERROR_NOT_FOUND, "the picture '@%s' is not kept; upload it again",
                     q->segments[0]);
    } else if (!copy) {
        answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
    } else if (answer_unchanged(q, etag)) {
        free(copy);
    } else {
        memcpy(copy, kept->data, kept->size);
        answer_picture(q, copy, kept->size, kept->name);
        answer_header(q, "ETag", "%s", etag);
        answer_header(q, "Cache-Control", "no-cache");
    }
    cache_done(q->server->pictures, kept ? &kept->cached : NULL);
    request_finish(q);
}
