/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the viewer's server as it is reached, over loopback: each input is a request, head and body. Whatever comes,
 * there is an answer, and it is well formed: a known status, known header lines, JSON where it says so, an error of
 * one plain sentence. Nothing of what lies outside the data folder comes out, though links lead there.
 *
 * The request goes out as it is, but for this: MODELID and RESULTID become what they stand for; a head without an end
 * gets one; one that does not tell its body's length gets it told, so that the server has not to wait for more. Of
 * those that tell something else, the end is told by closing.
 *
 * Others link it with replay.c and run the corpus as a test.
 */
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "pictures/picture.h"
#include "server/server.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* PATIENCE_MS: for an answer, on a machine that has much else to do. USUAL_MS: so long the server may think that more
   is to come, MORE_MS: where the request says so itself. ENOUGH: of an answer. */
enum { PATIENCE_MS = 60000, USUAL_MS = 300, MORE_MS = 20, LARGEST_INPUT = 1 << 17, ENOUGH = 64 << 20, SIDE = 16 };

/* The picture outside of all folders: of a size that no other has, under a name that no request need know. */
enum { OUTSIDE_WIDTH = 613, OUTSIDE_HEIGHT = 3 };
#define OUTSIDE_NAME "kept-away"

typedef struct bytes {
    unsigned char *data;
    size_t size, capacity;
} bytes;

static server *viewer;
static uint16_t port;
static char model_id[17], result_id[64] = "0-0";
static char scratch[64];
static const uint8_t *request_now;
static size_t request_now_size;
static bytes answer;

static _Noreturn void fail(const char *why) {
    fprintf(stderr, "fuzz_server: %s\n---- the request\n", why);
    fwrite(request_now, 1, request_now_size, stderr);
    fprintf(stderr, "\n---- the answer\n");
    fwrite(answer.data, 1, answer.size < 4096 ? answer.size : 4096, stderr);
    fprintf(stderr, "\n");
    abort();
}

static void require(bool condition, const char *why) {
    if (!condition)
        fail(why);
}

static void append(bytes *to, const void *data, size_t size) {
    if (to->size + size > to->capacity) {
        to->capacity = 2 * (to->size + size);
        to->data = realloc(to->data, to->capacity);
        require(to->data != NULL, "out of memory");
    }
    if (size > 0)
        memcpy(to->data + to->size, data, size);
    to->size += size;
}

/* ---- What is served ---------------------------------------------------------------------------------------------- */

static const char *at(const char *name) {
    static char paths[4][160];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static void put(const char *name, const void *data, size_t size) {
    FILE *file = fopen(at(name), "wb");
    require(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "no file can be written");
}

static void put_picture(const char *name, int width, int height) {
    void *png = NULL;
    size_t size = 0;
    uint8_t *pixels = calloc((size_t)width, (size_t)height);
    for (int i = 0; pixels && i < width * height; i++)
        pixels[i] = (uint8_t)(i * 37);
    require(pixels && picture_png_in_memory(width, height, 1, 8, pixels, &png, &size), "no picture can be made");
    put(name, png, size);
    free(png);
    free(pixels);
}

/* A field of a protocol buffer: a number below 128, or bytes. */
static void add_number(bytes *to, int field, int number) {
    append(to, (unsigned char[]){(unsigned char)(field << 3), (unsigned char)number}, 2);
}

static void add_bytes(bytes *to, int field, const void *data, size_t size) {
    require(size < 128, "a field is too long");
    append(to, (unsigned char[]){(unsigned char)(field << 3 | 2), (unsigned char)size}, 2);
    append(to, data, size);
}

static void add_text(bytes *to, int field, const char *text) {
    add_bytes(to, field, text, strlen(text));
}

/* Takes the value. */
static void add_attribute(bytes *node, const char *key, bytes *value) {
    bytes pair = {0};
    add_text(&pair, 1, key);
    add_bytes(&pair, 2, value->data, value->size);
    add_bytes(node, 5, pair.data, pair.size);
    free(pair.data);
    free(value->data);
}

/* A model of two nodes: x [1,SIDE,SIDE,1], and its sigmoid. */
static void put_model(const char *name) {
    bytes graph = {0}, x = {0}, y = {0}, shape = {0}, value = {0};
    for (int i = 0; i < 4; i++) {
        const unsigned char dim[] = {1 << 3, i == 0 || i == 3 ? 1 : SIDE};
        add_bytes(&shape, 2, dim, sizeof dim);
    }
    add_text(&x, 1, "x");
    add_text(&x, 2, "Placeholder");
    add_number(&value, 6, 1);
    add_attribute(&x, "dtype", &value);
    value = (bytes){0};
    add_bytes(&value, 7, shape.data, shape.size);
    add_attribute(&x, "shape", &value);
    add_text(&y, 1, "y");
    add_text(&y, 2, "Sigmoid");
    add_text(&y, 3, "x");
    value = (bytes){0};
    add_number(&value, 6, 1);
    add_attribute(&y, "T", &value);
    add_bytes(&graph, 1, x.data, x.size);
    add_bytes(&graph, 1, y.data, y.size);
    put(name, graph.data, graph.size);
    free(graph.data);
    free(shape.data);
    free(x.data);
    free(y.data);
}

static void make_folders(void) {
    static const char *const folders[] = {"models", "data", "data/a", "data/wood", "data/wood/train", "data/wood/test",
                                          "data/wood/train/good", "data/wood/test/scratch", "data/wood/ground_truth",
                                          "data/wood/ground_truth/scratch", "data/old_def", "outside"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        require(mkdir(at(folders[i]), 0777) == 0, "no folder can be made");
    put_model("models/m.pb");
    put("models/broken.pb", "not a model", 11);
    put_picture("data/a/p.png", 20, 12);
    put_picture("data/wood/train/good/0.png", 8, 8);
    put_picture("data/wood/test/scratch/1.png", 8, 8);
    put_picture("data/wood/ground_truth/scratch/1_mask.png", 8, 8);
    put_picture("data/old_def/1.png", 8, 8);
    put("data/old_def/labels.txt", "1 6 3 0.5 4 4\n", 14);
    put("data/a/broken.png", "\x89PNG\r\n\x1a\n", 8);
    put_picture("outside/" OUTSIDE_NAME ".png", OUTSIDE_WIDTH, OUTSIDE_HEIGHT);
    require(symlink(at("outside"), at("data/out")) == 0 && symlink("../../outside", at("data/a/out")) == 0 &&
                symlink("../outside/" OUTSIDE_NAME ".png", at("data/link.png")) == 0 &&
                symlink("a/p.png", at("data/inside.png")) == 0 && symlink("/", at("data/root")) == 0,
            "no link can be made");
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void end(void) {
    server_stop(viewer);
    free(answer.data);
    nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(void) {
    static char data[160], models[160];
    static const char *const hosts[] = {"fuzz:1"}, *const folders[] = {data};
    haya_error error;
    strcpy(scratch, "/tmp/haya-fuzz-XXXXXX");
    require(mkdtemp(scratch) != NULL, "no folder can be made");
    make_folders();
    snprintf(data, sizeof data, "%s", at("data"));
    snprintf(models, sizeof models, "%s", at("models"));
    server_options options = {.models_folder = models, .data = folders, .data_count = 1, .allowed_hosts = hosts,
                              .allowed_host_count = 1, .threads = 1};
    require(server_start(&options, &viewer, &error) == HAYA_OK, "the server does not start");
    uint64_t hash = 0xcbf29ce484222325u; /* as ids are made of paths */
    for (const char *c = at("models/m.pb"); *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    snprintf(model_id, sizeof model_id, "%016llx", (unsigned long long)hash);
    port = (uint16_t)atoi(strrchr(server_address(viewer), ':') + 1);
    atexit(end);
}

/* ---- The request ------------------------------------------------------------------------------------------------- */

/* Whether the word, in small letters, is there in any. */
static bool mentions(const bytes *head, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= head->size; i++)
        if (strncasecmp((const char *)head->data + i, word, length) == 0)
            return true;
    return false;
}

static void substitute(const uint8_t *data, size_t size, bytes *to) {
    for (size_t i = 0; i < size;) {
        bool model = size - i >= 7 && memcmp(data + i, "MODELID", 7) == 0;
        bool result = size - i >= 8 && memcmp(data + i, "RESULTID", 8) == 0;
        const char *word = model ? model_id : result ? result_id : NULL;
        append(to, word ? (const void *)word : data + i, word ? strlen(word) : 1);
        i += model ? 7 : result ? 8 : 1;
    }
}

/* What goes out; false: it may not be the whole of what it says. */
static bool make_request(const uint8_t *data, size_t size, bytes *to) {
    const uint8_t *end_of_head = size ? memmem(data, size, "\r\n\r\n", 4) : NULL;
    size_t head_size = end_of_head ? (size_t)(end_of_head - data) : size;
    size_t body_size = end_of_head ? size - head_size - 4 : 0;
    append(to, data, head_size);
    bool told = mentions(to, "content-length") || mentions(to, "transfer-encoding");
    if (!told && body_size > 0) {
        char line[64];
        append(to, line, (size_t)snprintf(line, sizeof line, "\r\nContent-Length: %zu", body_size));
    }
    append(to, "\r\n\r\n", 4);
    append(to, body_size > 0 ? data + size - body_size : NULL, body_size);
    return !told;
}

static int connect_to_server(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct linger at_once = {.l_onoff = 1}; /* no port waits for what may come late: there are not so many */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(s >= 0 && connect(s, (struct sockaddr *)&address, sizeof address) == 0, "no connection");
    setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return s;
}

typedef enum reading { READ_MORE, READ_END, READ_NOTHING } reading;

static reading read_some(int s, int patience_ms) {
    static unsigned char part[1 << 16];
    struct pollfd ready = {.fd = s, .events = POLLIN};
    if (poll(&ready, 1, patience_ms) == 0)
        return READ_NOTHING;
    ssize_t got = recv(s, part, sizeof part, 0);
    if (got <= 0)
        return READ_END;
    append(&answer, part, (size_t)got);
    require(answer.size < ENOUGH, "the answer is too long");
    return READ_MORE;
}

/* ---- The answer -------------------------------------------------------------------------------------------------- */

typedef struct parsed {
    int status;
    bool json, lines, events, chunked, has_length;
    size_t head_size, length;
} parsed;

static bool is_known_line(const char *line, size_t length) {
    static const char *const known[] = {
        "date", "connection", "content-length", "content-type", "transfer-encoding", "x-content-type-options",
        "referrer-policy", "cross-origin-resource-policy", "content-security-policy", "cross-origin-opener-policy",
        "cache-control", "etag", "allow", "retry-after", "x-map-width", "x-map-height", "x-accel-buffering"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]) == length && strncasecmp(line, known[i], length) == 0)
            return true;
    return false;
}

static void parse_line(const char *line, size_t length, parsed *p) {
    const char *colon = memchr(line, ':', length);
    require(colon && is_known_line(line, (size_t)(colon - line)), "a header line is not known");
    for (size_t i = 0; i < length; i++)
        require((unsigned char)line[i] >= 0x20 && line[i] != 0x7f, "a header line has a control character");
    if (strncasecmp(line, "content-length:", 15) == 0) {
        p->has_length = true;
        p->length = strtoull(line + 15, NULL, 10);
    }
    if (strncasecmp(line, "content-type:", 13) == 0) {
        p->json = memmem(line, length, "application/json", 16) != NULL;
        p->lines = memmem(line, length, "x-ndjson", 8) != NULL;
        p->events = memmem(line, length, "event-stream", 12) != NULL;
    }
    p->chunked = p->chunked || strncasecmp(line, "transfer-encoding: chunked", 26) == 0;
}

/* False: the head is not all there yet. */
static bool parse_head(const bytes *a, parsed *p) {
    *p = (parsed){0};
    const unsigned char *limit = a->size ? memmem(a->data, a->size, "\r\n\r\n", 4) : NULL;
    if (!limit)
        return false;
    p->head_size = (size_t)(limit - a->data) + 4;
    require(a->size > 13 && memcmp(a->data, "HTTP/1.", 7) == 0, "it does not begin with a status");
    p->status = atoi((const char *)a->data + 9);
    const char *line = (const char *)memmem(a->data, a->size, "\r\n", 2) + 2;
    while (line < (const char *)limit) {
        const char *next = memmem(line, p->head_size, "\r\n", 2);
        parse_line(line, (size_t)(next - line), p);
        line = next + 2;
    }
    return true;
}

/* The body, put together in place where it comes in pieces. False: it is not all there yet. */
static bool take_body(const bytes *a, const parsed *p, bytes *body) {
    const char *from = (const char *)a->data + p->head_size, *limit = (const char *)a->data + a->size;
    body->size = 0;
    if (!p->chunked) {
        size_t there = (size_t)(limit - from), wanted = p->has_length ? p->length : 0;
        append(body, from, there < wanted ? there : wanted);
        return there >= wanted;
    }
    while (true) {
        const char *line = memmem(from, (size_t)(limit - from), "\r\n", 2);
        size_t size = line ? strtoul(from, NULL, 16) : 0;
        if (!line || (size_t)(limit - line) < size + 4)
            return false;
        append(body, line + 2, size);
        if (size == 0)
            return true;
        from = line + 2 + size + 2;
    }
}

static void check_sentence(json_t *error) {
    const char *status = json_string_value(json_object_get(error, "status"));
    const char *message = json_string_value(json_object_get(error, "message"));
    require(status && strncmp(status, "HAYA_ERROR_", 11) == 0, "an error without a status");
    require(message && *message && json_is_string(json_object_get(error, "node")), "an error without a sentence");
    for (const char *c = message; *c; c++)
        require((unsigned char)*c >= 0x20 && *c != 0x7f, "a sentence with a control character");
}

/* Of what lies outside nothing is told, unless the request said it first. */
static void check_inside(json_t *told) {
    json_t *value;
    const char *key;
    size_t index;
    json_object_foreach(told, key, value) {
        check_inside(value);
    }
    json_array_foreach(told, index, value) {
        check_inside(value);
    }
    require(json_integer_value(json_object_get(told, "width")) != OUTSIDE_WIDTH ||
                json_integer_value(json_object_get(told, "height")) != OUTSIDE_HEIGHT,
            "a picture outside was read");
    if (json_is_string(told) && !memmem(request_now, request_now_size, OUTSIDE_NAME, strlen(OUTSIDE_NAME)))
        require(!strstr(json_string_value(told), OUTSIDE_NAME), "a folder outside was read");
}

static void check_json(const char *text, size_t size, int status) {
    json_t *told = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    require(told && json_is_object(told), "the JSON is not well formed");
    json_t *error = json_object_get(told, "error");
    require(status < 400 || error, "an error that does not say why");
    if (error)
        check_sentence(error);
    check_inside(told);
    json_decref(told);
}

static void check_picture(const bytes *body) {
    static const unsigned char size[] = {0, 0, OUTSIDE_WIDTH >> 8, OUTSIDE_WIDTH & 255, 0, 0, 0, OUTSIDE_HEIGHT};
    require(body->size < 24 || memcmp(body->data + 1, "PNG", 3) != 0 || memcmp(body->data + 16, size, 8) != 0,
            "a picture outside was given out");
}

static void check(const parsed *p, const bytes *body, bool has_body) {
    static const int statuses[] = {200, 201, 202, 304, 400, 403, 404, 405, 409, 410, 411, 413, 414, 415,
                                   417, 422, 431, 501, 503, 505};
    bool known = false;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        known = known || statuses[i] == p->status;
    require(known, "the status is not one that is documented");
    if (!has_body)
        return;
    if (p->json)
        check_json((const char *)body->data, body->size, p->status);
    for (size_t from = 0; p->lines && from < body->size;) {
        const unsigned char *line = body->data + from, *next = memchr(line, '\n', body->size - from);
        require(next != NULL, "a line without an end");
        check_json((const char *)line, (size_t)(next - line), 200);
        from += (size_t)(next - line) + 1;
    }
    check_picture(body);
}

/* Interim answers are passed over. */
static void drop_interim(parsed *p) {
    while (parse_head(&answer, p) && p->status < 200) {
        memmove(answer.data, answer.data + p->head_size, answer.size - p->head_size);
        answer.size -= p->head_size;
    }
}

static bool is_whole(parsed *p, bytes *body, bool has_body) {
    drop_interim(p);
    if (p->status < 200)
        return false;
    if (p->events)
        return memmem(answer.data + p->head_size, answer.size - p->head_size, "\n\n", 2) != NULL;
    return !has_body || p->status == 304 || take_body(&answer, p, body);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    /* Leaks are looked for at the end: the server's threads have memory of their own at any time before. */
    static char *all[64], option[] = "-detect_leaks=0";
    int count = *argc < 62 ? *argc : 62;
    memcpy(all, *argv, (size_t)count * sizeof *all);
    all[count] = option;
    *argc = count + 1;
    *argv = all;
    return 0;
}

/* Sends it and reads the answer; false: the server has closed the connection in its middle, or before. */
static bool exchange(const bytes *request, bool framed, bool has_body, parsed *p, bytes *body) {
    int s = connect_to_server();
    for (size_t sent = 0; sent < request->size;) {
        ssize_t part = send(s, request->data + sent, request->size - sent, MSG_NOSIGNAL);
        if (part <= 0)
            break; /* it was refused before its end */
        sent += (size_t)part;
    }
    bool whole = false, closed = false;
    for (reading got = READ_MORE; got != READ_END && !whole;) {
        got = read_some(s, closed ? PATIENCE_MS : framed ? USUAL_MS : MORE_MS);
        if (got == READ_NOTHING) {
            require(!closed, "the server does not answer");
            shutdown(s, SHUT_WR); /* there is no more to wait for */
            closed = true;
        }
        whole = is_whole(p, body, has_body);
    }
    close(s);
    return whole;
}

static void note_result(const bytes *body) {
    static const char before[] = "\"result\":\"";
    const unsigned char *found = body->size ? memmem(body->data, body->size, before, strlen(before)) : NULL;
    if (found)
        sscanf((const char *)found + strlen(before), "%60[0-9a-f-]", result_id);
}

static void try_one(const uint8_t *data, size_t size) {
    bytes meant = {0}, request = {0}, body = {0};
    parsed p = {0};
    request_now = data;
    request_now_size = size;
    answer.size = 0;
    substitute(data, size, &meant);
    bool framed = make_request(meant.data, meant.size, &request);
    bool has_body = request.size < 5 || memcmp(request.data, "HEAD ", 5) != 0;
    if (exchange(&request, framed, has_body, &p, &body)) {
        check(&p, &body, has_body && !p.events);
        append(&body, "", 1);
        note_result(&body);
    } else {
        require(p.status < 200 || p.events, "the answer has no end");
    }
    free(meant.data);
    free(request.data);
    free(body.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char first[] = "POST /api/infer?model=MODELID&picture=data/a/p.png HTTP/1.1\r\nHost: fuzz:1";
    if (!viewer) {
        start();
        for (int i = 0; i < 300 && strcmp(result_id, "0-0") == 0; i++) {
            usleep(100000); /* a file counts once it has rested */
            try_one((const uint8_t *)first, strlen(first));
        }
        require(strcmp(result_id, "0-0") != 0, "the model cannot be used");
    }
    if (size <= LARGEST_INPUT)
        try_one(data, size);
    return 0;
}
