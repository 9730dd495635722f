/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the server share.
 *
 * One thread talks to all connections and does nothing that takes time. A request that does is suspended, and a
 * job in one of the pools fills in its answer: `infer` for models, `files` for pictures and listings, `control`
 * for the rest.
 */
#ifndef HAYA_SERVER_INSIDE_H
#define HAYA_SERVER_INSIDE_H

#include "server.h"

#include "repository/repository.h"
#include "system/clock.h"

#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#if defined(__GNUC__)
#  define SERVER_PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#else
#  define SERVER_PRINTF_LIKE(string, first)
#endif

enum {
    LIMIT_HEADER = 16 * 1024,
    LIMIT_JSON_BODY = 64 * 1024,
    LIMIT_PICTURE_BODY = 64 * 1024 * 1024,
    LIMIT_PICTURE_SIDE = 16384,
    LIMIT_PICTURE_BYTES = 256 * 1024 * 1024,
    LIMIT_CONNECTIONS = 256,
    LIMIT_EVENT_STREAMS = 32,
    LIMIT_QUEUE = 64,
    LIMIT_FILE_QUEUE = 512,
    LIMIT_CONTROL_QUEUE = 512,
    LIMIT_REGIONS = 1000,
    LIMIT_RESULT_CACHE = 512 * 1024 * 1024,
    LIMIT_PICTURE_CACHE = 256 * 1024 * 1024,
    LIMIT_THUMBNAIL_CACHE = 64 * 1024 * 1024,
    LIMIT_LISTED = 200000,
    LIMIT_WATCHED = 4096,
    SECONDS_HEADER = 15,
    SECONDS_JSON_BODY = 15,
    SECONDS_PICTURE_BODY = 60,
    SECONDS_ANSWER = 120,
    SECONDS_IDLE = 30
};

/* ---- Jobs ---------------------------------------------------------------------------------------------------- */

typedef struct job {
    struct job *next;
    void (*run)(struct job *job);
} job;

typedef struct pool pool;

pool *pool_create(int threads, size_t limit); /* NULL: no memory, or no threads */
bool pool_add(pool *p, job *j);               /* false: too many wait, or the pool ends */
void pool_add_again(pool *p, job *j);         /* one that has run, and goes on later: at the end of the queue */
size_t pool_waiting(pool *p);
void pool_free(pool *p);                      /* runs what waits, which must be quick then, and ends its threads */

/* ---- Streams: answers that grow ------------------------------------------------------------------------------ */

typedef struct stream stream;

stream *stream_create(size_t limit);            /* bytes that may wait; one user; NULL: no memory */
void stream_retain(stream *s);
void stream_release(stream *s);
bool stream_write(stream *s, const void *data, size_t size); /* false: nobody reads any more, or too slowly */
void stream_end(stream *s);
bool stream_is_gone(stream *s);                 /* its connection is, or the client has hung up */
struct MHD_Response *stream_response(stream *s, struct MHD_Connection *connection, int socket);
bool has_hung_up(int socket);                   /* the client at its other end */

/* ---- Caches -------------------------------------------------------------------------------------------------- */

/* The first member of what is kept. */
typedef struct cached {
    struct cached *next_in_bucket, *newer, *older;
    char key[256];
    size_t users;                /* the cache, and those who use it */
    size_t bytes;
    void (*release)(struct cached *item);
} cached;

typedef struct cache cache;

typedef struct cache_use {
    size_t count;
    uint64_t bytes, limit;
} cache_use;

cache *cache_create(uint64_t limit);
void cache_free(cache *c);
/* Takes the item, whose key, bytes and release are set, and gives it back used; one of the same key is replaced. */
void cache_put(cache *c, cached *item);
cached *cache_get(cache *c, const char *key);   /* used; NULL: it is not there */
void cache_done(cache *c, cached *item);        /* NULL is fine */
cache_use cache_usage(cache *c);

/* ---- Requests ------------------------------------------------------------------------------------------------ */

typedef struct request request;

typedef enum place { AT_ONCE, IN_CONTROL, IN_FILES, IN_INFER } place;
typedef enum body_kind { NO_BODY, JSON_BODY, PICTURE_BODY } body_kind;

typedef struct route {
    const char *method;
    const char *path;            /* "*" stands for any one segment */
    const char *parameters;      /* allowed ones, with spaces between and around */
    body_kind body;
    place where;
    void (*handle)(request *q);
} route;

typedef struct parameter {
    char *key, *value;
} parameter;

enum { MAX_PARAMETERS = 16, MAX_SEGMENTS = 2, MAX_HEADERS = 4 };

typedef struct answer {
    unsigned status;             /* 0: none yet */
    const char *type;
    void *data;
    size_t size;
    void (*release)(void *user); /* of the data; NULL: it is to be freed */
    void *user;
    struct {
        const char *name;
        char value[256];
    } headers[MAX_HEADERS];
    size_t header_count;
} answer;

struct request {
    job job;
    server *server;
    struct MHD_Connection *connection;
    int socket;
    const route *route;
    atomic_size_t users;         /* the connection, and the job */
    char segments[MAX_SEGMENTS][128];
    parameter parameters[MAX_PARAMETERS];
    size_t parameter_count;
    char *if_none_match;
    unsigned char *body;
    size_t body_size, body_capacity, body_limit;
    bool body_too_large, body_no_memory;
    bool dispatched;             /* of the thread that talks */
    double received_ms;
    answer answer;
    stream *stream;
    void *work;                  /* of a job that goes on */
    void (*free_work)(void *work);
    /* Requests that have a name can be cancelled by it. */
    char name[65];
    atomic_bool cancelled;
    request *next_named, *previous_named;
    bool is_named;
};

const char *parameter_of(const request *q, const char *key); /* NULL: not given */

/* The parameter as a number; absent: `otherwise`. False: it has been answered that it is out of range. */
bool number_parameter(request *q, const char *key, int64_t low, int64_t high, int64_t otherwise, int64_t *number);

/* Each fills in the answer. */
void answer_json(request *q, unsigned status, json_t *object); /* takes the object; NULL: no memory */
void answer_error(request *q, unsigned status, haya_status kind, const char *format, ...) SERVER_PRINTF_LIKE(4, 5);
void answer_haya(request *q, const haya_error *error);         /* the HTTP status follows */
void answer_bytes(request *q, const char *type, void *data, size_t size, void (*release)(void *user), void *user);
void answer_header(request *q, const char *name, const char *format, ...) SERVER_PRINTF_LIKE(3, 4);

/* With an ETag; true: it is what the client has, and has been answered so. */
bool answer_unchanged(request *q, const char *etag);

unsigned http_status_of(haya_status status);
json_t *error_json(haya_status status, const char *message, const char *node);

/* The body as JSON of an object or nothing; NULL: it has been answered. */
json_t *body_json(request *q);

/* The answer is complete, and goes out. The job's last use of the request, unless it holds another. */
void request_finish(request *q);
/* The same for one whose stream goes on: the job keeps its use. */
void request_begin_stream(request *q);
void request_release(request *q);
bool request_is_gone(request *q);               /* cancelled, or its client has closed the connection */

/* Enters the request under its parameter `request`; false: it has been answered that it can't be. */
bool request_enter_name(request *q);
size_t requests_cancel(server *s, const char *name);

/* The route of a method and path; where there is none, that has been answered. */
void find_route(request *q, const char *method, const char *path);

void handle_server(request *q);
void handle_memory(request *q);
void handle_events(request *q);
void handle_models(request *q);
void handle_model(request *q);
void handle_prepare_one(request *q);
void handle_prepare(request *q);
void handle_visible(request *q);
void handle_settings(request *q);
void handle_undo(request *q);
void handle_upload(request *q);
void handle_uploaded(request *q);
void handle_infer(request *q);
void handle_infer_all(request *q);
void handle_cancel(request *q);
void handle_result(request *q);
void handle_data(request *q);
void handle_data_picture(request *q);
void handle_thumbnail(request *q);
void handle_mask(request *q);

/* ---- Who may ask --------------------------------------------------------------------------------------------- */

typedef struct guard guard;

haya_status guard_create(const server_options *options, bool loopback, uint16_t port, guard **made,
                         haya_error *error);
void guard_free(guard *g);
const char *guard_token(const guard *g);        /* NULL: none is asked for */

typedef struct guarded {
    const char *method, *path, *host, *origin, *site, *mode; /* headers, or NULL */
    const char *authorization, *cookie, *token;              /* the token of the query */
} guarded;

typedef enum guard_answer { GUARD_PASS, GUARD_REFUSE, GUARD_UNKNOWN, GUARD_GREET } guard_answer;

/* GUARD_REFUSE: 403, `why` says why. GUARD_UNKNOWN: 401. GUARD_GREET: the token came with the address; set
   `cookie`. */
guard_answer guard_check(const guard *g, const guarded *what, const char **why);
void guard_cookie(const guard *g, char *to, size_t size);

/* ---- Connections: limits on the time that a request takes ---------------------------------------------------- */

typedef struct connections connections;
typedef enum phase { PHASE_HEADER, PHASE_JSON_BODY, PHASE_PICTURE_BODY, PHASE_WORK, PHASE_ANSWER } phase;

connections *connections_create(void);
void connections_free(connections *c);
void *connections_enter(connections *c, int socket);
void connections_leave(connections *c, void *connection);
void connections_phase(connections *c, void *connection, phase p);
void connections_close_late(connections *c);

/* ---- Events -------------------------------------------------------------------------------------------------- */

typedef struct events events;

events *events_create(double started);
void events_free(events *e);
void events_publish(events *e, const char *type, json_t *data); /* takes the data */
/* A stream that begins with "hello" and what was missed after `last`; NULL: too many, or no memory. */
stream *events_subscribe(events *e, const char *last);
void events_end(events *e);                     /* all streams */

/* ---- Folders of pictures ------------------------------------------------------------------------------------- */

typedef struct roots roots;

haya_status roots_create(const char *const *folders, size_t count, roots **made, haya_error *error);
void roots_free(roots *r);
size_t roots_count(const roots *r);
const char *roots_name(const roots *r, size_t index);
const char *roots_folder(const roots *r, size_t index);

/* Opens "ROOT/a/b" for reading; whatever leads out of the root is refused. Below 0: no file, `error` says why. */
int roots_open(const roots *r, const char *path, bool directory, haya_error *error);

/* The whole of a regular file, to be freed. */
haya_status roots_read(const roots *r, const char *path, uint64_t limit, void **data, size_t *size,
                       struct stat *info, haya_error *error);

typedef struct listed {
    char *name;
    bool is_folder;
    uint64_t bytes;
    double modified;
} listed;

typedef struct listing {
    listed *items;               /* folders first; by name, numbers by value */
    size_t count;
    double modified;             /* of the folder */
} listing;

haya_status listing_read(const roots *r, const char *path, listing *l, haya_error *error);
void listing_free(listing *l);
bool listing_has(const listing *l, const char *name, bool folder);
bool is_picture_name(const char *name);
/* One number for names, sizes and times of all that is listed; 0 where that is too much to be looked at again. */
uint64_t listing_files(const listing *l);

typedef enum layout { LAYOUT_PLAIN, LAYOUT_MVTEC, LAYOUT_DAGM, LAYOUT_DAGM_OLD } layout;
typedef enum folder_kind { KIND_ROOTS, KIND_SET, KIND_CATEGORY, KIND_SPLIT, KIND_FOLDER } folder_kind;
typedef enum truth { TRUTH_UNKNOWN, TRUTH_GOOD, TRUTH_DEFECT } truth;

typedef struct folder_meaning {
    layout layout;
    folder_kind kind;
} folder_meaning;

typedef struct picture_meaning {
    const char *split;           /* "train", "test" or NULL */
    char defect[128];            /* empty: not told */
    truth truth;
    char mask[1024];             /* path of the file with the mask,
    or of the labels with the ellipse; empty: none */
    int ellipse;                 /* the line of the labels; 0: the mask is a picture */
} picture_meaning;

const char *layout_word(layout l);
const char *kind_word(folder_kind k);

/* What a folder is; looks into it and around it. */
folder_meaning folder_meaning_of(const roots *r, const char *path, const listing *l);

/* What the pictures of a folder are. */
typedef struct meanings meanings;
meanings *meanings_create(const roots *r, const char *folder); /* NULL: no memory */
void meanings_free(meanings *m);
void meanings_of(const meanings *m, const char *name, picture_meaning *p);
bool meanings_are_pictures(const meanings *m);  /* and not masks, or labels */

/* The ground truth of a picture, 0 and 255, at its size; HAYA_ERROR_NOT_FOUND where there is none. */
haya_status truth_mask(const roots *r, const char *path, uint8_t **mask, int *width, int *height,
                       haya_error *error);

/* ---- Pictures ------------------------------------------------------------------------------------------------ */

extern const picture_limits server_picture_limits;

/* An uploaded picture. */
typedef struct kept_picture {
    cached cached;
    unsigned char *data;
    size_t size;
    int width, height, channels;
    char name[128];
} kept_picture;

/* A picture as an inference takes it, and what is told of it. */
typedef struct shown_picture {
    picture picture;
    char *ref, *name, *url;
    const char *format;
    size_t bytes;
    double decode_ms;
} shown_picture;

/* By the parameter `picture`, or from the body, which then is kept. False: it has been answered. */
bool shown_picture_of(request *q, shown_picture *shown);
haya_status shown_picture_open(server *s, const char *ref, shown_picture *shown, haya_error *error);
void shown_picture_free(shown_picture *shown);
json_t *shown_picture_json(const shown_picture *shown);

/* Answers with the picture as a browser can show it; takes the data. */
void answer_picture(request *q, void *data, size_t size, const char *name);
void answer_png(request *q, int width, int height, int channels, int bits, const void *samples);
haya_status picture_failure(haya_error *error, const picture_error *why);

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

json_t *text_json(const char *text);            /* what is not UTF-8 becomes '?'; NULL becomes null */
json_t *sentence_json(const char *text);        /* the same; control characters of names in it become '?', too */
json_t *number_json(double number);             /* null where it is not finite */
json_t *colour_json(picture_rgb colour);
json_t *model_json(const repository_model *m, bool resident);
json_t *result_json(const repository_result *result, const char *result_id);

/* ---- Results that are kept ----------------------------------------------------------------------------------- */

typedef struct kept_result {
    cached cached;               /* the key is the result's id */
    repository_result result;
    char *picture;               /* its reference, */
    int width, height;           /* and size */
} kept_result;

void result_next_id(server *s, char *to, size_t size);

/* Takes the result and keeps it, its regions excepted, which have been told. False: no memory. */
bool result_keep(server *s, const char *id, repository_result *result, const shown_picture *shown);

/* ---- The page ------------------------------------------------------------------------------------------------ */

typedef struct page_file {
    const char *path;            /* "/index.html" */
    const char *type, *etag;
    const unsigned char *data;
    size_t size;
} page_file;

extern const page_file page_files[];
extern const size_t page_file_count;
bool answer_page_file(request *q, const char *path);
extern const char page_policy[];

/* ---- The server ---------------------------------------------------------------------------------------------- */

struct server {
    server_options options;
    double started;
    repository *repository;
    roots *roots;
    guard *guard;
    connections *connections;
    events *events;
    pool *infer, *files, *control;
    cache *results, *pictures, *thumbnails;
    struct MHD_Daemon *daemon;
    char address[256];
    atomic_bool stopping;
    pthread_mutex_t lock;        /* of what follows */
    request *named;
    uint64_t last_result;
    struct timekeeper *timekeeper;
    struct folders *folders;
    int32_t threads;             /* of an inference, as it turned out */
};

/* The socket is bound before libmicrohttpd has it: the port, *port where it is not 0, must be known before the first
   request comes. */
haya_status listening_open(const char *listen_to, uint16_t *port, int *listening, bool *loopback, haya_error *error);
void listening_address(const char *listen_to, uint16_t port, const char *token, char *to, size_t room);

/* http.c */
haya_status http_start(server *s, uint16_t port, haya_error *error);
void http_quiesce(server *s);
void http_stop(server *s);

/* timekeeper.c: what happens by the clock. */
haya_status timekeeper_create(server *s, haya_error *error);
haya_status timekeeper_start(server *s, haya_error *error);
void timekeeper_stop(server *s);                /* its thread; what is told to it is noted still */
void timekeeper_free(server *s);
void timekeeper_progress_changed(server *s);
void timekeeper_model_changed(server *s, const char *id);

/* folders.c: folders of pictures that were listed lately are watched, and "folder" events tell of them. */
haya_status folders_create(server *s, haya_error *error);
haya_status folders_start(server *s, haya_error *error);
void folders_stop(server *s);
void folders_free(server *s);

/* A folder, the first of these, was listed with those in it, and they were like this. Takes what the paths point to. */
typedef struct seen_folder {
    char *path;
    double modified;
    uint64_t files;              /* listing_files */
} seen_folder;

void folders_listed(server *s, seen_folder *seen, size_t count);

void server_log(server *s, bool warning, const char *id, const char *text);

#endif
