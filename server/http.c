/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP: from libmicrohttpd's calls to requests and back. All of it runs on the one thread that talks, except what
 * is said to be called by jobs.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- What comes with a request ------------------------------------------------------------------------------- */

static enum MHD_Result take_parameter(void *user, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                      const char *value, size_t value_size) {
    (void)kind;
    request *q = user;
    char wanted[64];
    snprintf(wanted, sizeof wanted, " %s ", key);
    if (strlen(key) != key_size || (value && strlen(value) != value_size)) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "a parameter contains a zero byte");
    } else if (key_size > sizeof wanted - 3 || !strstr(q->route->parameters, wanted)) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "there is no parameter '%.64s' here", key);
    } else if (parameter_of(q, key) || q->parameter_count == MAX_PARAMETERS) {
        answer_error(q, 400, HAYA_ERROR_ARGUMENT, "parameter '%s' is given twice", key);
    } else {
        parameter *p = &q->parameters[q->parameter_count++];
        *p = (parameter){strdup(key), strdup(value ? value : "")};
        if (!p->key || !p->value) {
            answer_error(q, 503, HAYA_ERROR_MEMORY, "out of memory");
        }
    }
    return q->answer.status ? MHD_NO : MHD_YES;
}

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* False: it has been answered. */
static bool check_guard(request *q, const char *method, const char *path) {
    struct MHD_Connection *c = q->connection;
    guarded what = {.method = method, .path = path, .host = header(c, "Host"), .origin = header(c, "Origin"),
                    .site = header(c, "Sec-Fetch-Site"), .mode = header(c, "Sec-Fetch-Mode"),
                    .authorization = header(c, "Authorization"), .cookie = header(c, "Cookie"),
                    .token = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token")};
    const char *why;
    char cookie[128];
    switch (guard_check(q->server->guard, &what, &why)) {
    case GUARD_PASS:
        return true;
    case GUARD_REFUSE:
        answer_error(q, 403, HAYA_ERROR_ARGUMENT, "%s", why);
        return false;
    case GUARD_UNKNOWN:
        answer_error(q, 401, HAYA_ERROR_ARGUMENT,
                     "a token is needed: open the address that the server printed when it started");
        return false;
    case GUARD_GREET:
        guard_cookie(q->server->guard, cookie, sizeof cookie);
        answer_bytes(q, "text/plain", NULL, 0, NULL, NULL);
        q->answer.status = MHD_HTTP_SEE_OTHER;
        answer_header(q, "Location", "/");
        answer_header(q, "Set-Cookie", "%s", cookie);
        return false;
    }
    return false;
}

/* What bodies are allowed to be. A form of another page can't send these without being asked first. */
static bool is_type(const char *given, const char *const *types) {
    for (; *types; types++) {
        size_t length = strlen(*types);
        if (strncasecmp(given, *types, length) == 0 && (given[length] == '\0' || strchr("; \t", given[length]))) {
            return true;
        }
    }
    return false;
}

static void check_body(request *q) {
    static const char *const json[] = {"application/json", NULL};
    static const char *const pictures[] = {"application/octet-stream", "image/png",  "image/jpeg",   "image/jpg",
                                          "image/tiff",               "image/bmp",  "image/x-ms-bmp", NULL};
    const char *type = header(q->connection, "Content-Type"), *length = header(q->connection, "Content-Length");
    bool chunked = header(q->connection, "Transfer-Encoding") != NULL;
    body_kind kind = q->route->body;
    q->body_limit = kind == JSON_BODY ? LIMIT_JSON_BODY : kind == PICTURE_BODY ? LIMIT_PICTURE_BODY : 0;
    uint64_t size = length ? strtoull(length, NULL, 10) : 0;
    if (size > q->body_limit) {
        answer_error(q, 413, HAYA_ERROR_LIMIT, "the body has %llu bytes, and at most %zu are taken here",
                     (unsigned long long)size, q->body_limit);
    } else if ((size > 0 || chunked) && kind != NO_BODY &&
               !is_type(type ? type : "", kind == JSON_BODY ? json : pictures)) {
        answer_error(q, 415, HAYA_ERROR_ARGUMENT, "the body's Content-Type must be %s",
                     kind == JSON_BODY ? "application/json" : "image/png, image/jpeg, image/tiff, image/bmp or "
                                                              "application/octet-stream");
    }
}

/* ---- Requests ------------------------------------------------------------------------------------------------ */

static void *connection_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static int socket_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/* With the header there: finds the route, or answers. */
static void begin(request *q, const char *method, const char *path) {
    server *s = q->server;
    q->socket = socket_of(q->connection);
    q->received_ms = clock_ms();
    const char *known = header(q->connection, "If-None-Match");
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info && info->header_size > LIMIT_HEADER) {
        answer_error(q, 431, HAYA_ERROR_LIMIT, "the request's header has %zu bytes, and at most %d are taken",
                     info->header_size, LIMIT_HEADER);
        return;
    }
    q->if_none_match = known ? strdup(known) : NULL;
    if (!check_guard(q, method, path)) {
        return;
    }
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (strncmp(path, "/api/", 5) != 0 && strcmp(path, "/api") != 0) {
        if (!get || !answer_page_file(q, path)) {
            answer_error(q, get ? 404 : 405, HAYA_ERROR_NOT_FOUND, "there is nothing at %s", path);
        }
        return;
    }
    find_route(q, method, path);
    if (q->route) {
        check_body(q);
    }
    if (!q->answer.status) {
        MHD_get_connection_values_n(q->connection, MHD_GET_ARGUMENT_KIND, take_parameter, q);
    }
    if (!q->answer.status) {
        connections_phase(s->connections, connection_of(q->connection),
                          q->route->body == PICTURE_BODY ? PHASE_PICTURE_BODY : PHASE_JSON_BODY);
    }
}

static void take_body(request *q, const char *data, size_t size) {
    if (q->answer.status || q->body_too_large || q->body_no_memory) {
        return;
    }
    if (q->body_size + size > q->body_limit) {
        q->body_too_large = true;
        return;
    }
    if (q->body_size + size > q->body_capacity) {
        size_t capacity = q->body_size + size > 2 * q->body_capacity ? q->body_size + size : 2 * q->body_capacity;
        unsigned char *body = realloc(q->body, capacity);
        if (!body) {
            q->body_no_memory = true;
            return;
        }
        q->body = body;
        q->body_capacity = capacity;
    }
    memcpy(q->body + q->body_size, data, size);
    q->body_size += size;
}

static void run_job(job *j) {
    request *q = (request *)j;
    if (atomic_load(&q->server->stopping)) {
        answer_error(q, 503, HAYA_ERROR_STATE, "the server is ending");
        request_finish(q);
    } else if (request_is_gone(q)) {
        answer_error(q, 409, HAYA_ERROR_STATE, "the request was cancelled");
        request_finish(q);
    } else {
        q->route->handle(q);
    }
}

/* With the body there: answers, and true; or suspends the connection until a job has. */
static bool dispatch(request *q) {
    server *s = q->server;
    connections_phase(s->connections, connection_of(q->connection), PHASE_WORK);
    q->dispatched = true;
    if (q->body_too_large || q->body_no_memory) {
        answer_error(q, q->body_too_large ? 413 : 503, HAYA_ERROR_LIMIT, "the body is more than the %zu bytes that "
                     "are taken here", q->body_limit);
        return true;
    }
    if (q->route->where == AT_ONCE) {
        q->route->handle(q);
        return true;
    }
    pool *where = q->route->where == IN_INFER ? s->infer : q->route->where == IN_FILES ? s->files : s->control;
    q->job.run = run_job;
    atomic_fetch_add(&q->users, 1); /* the job's */
    MHD_suspend_connection(q->connection);
    if ((q->route->where == IN_INFER && !request_enter_name(q)) || !pool_add(where, &q->job)) {
        if (!q->answer.status) {
            answer_error(q, 503, HAYA_ERROR_LIMIT, "too many requests are waiting; come back in a second");
            answer_header(q, "Retry-After", "1");
        }
        request_finish(q);
    }
    return false;
}

/* ---- Answers ------------------------------------------------------------------------------------------------- */

static void add_headers(const request *q, struct MHD_Response *response, bool page) {
    const answer *a = &q->answer;
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "Content-Security-Policy",
                            page ? page_policy : "default-src 'none'; sandbox");
    if (page) {
        MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    }
    if (a->type) {
        MHD_add_response_header(response, "Content-Type", a->type);
    }
    bool told = false;
    for (size_t i = 0; i < a->header_count; i++) {
        MHD_add_response_header(response, a->headers[i].name, a->headers[i].value);
        told = told || strcmp(a->headers[i].name, "Cache-Control") == 0;
    }
    if (!told) {
        MHD_add_response_header(response, "Cache-Control", "no-store");
    }
}

static enum MHD_Result send_answer(request *q) {
    answer *a = &q->answer;
    struct MHD_Response *response;
    if (q->stream) {
        response = stream_response(q->stream, q->connection, q->socket);
    } else {
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            a->size, a->data ? a->data : "", a->data ? (a->release ? a->release : free) : NULL,
            a->release ? a->user : a->data);
        if (response) {
            a->data = NULL; /* the response's now */
        }
    }
    if (!response) {
        return MHD_NO;
    }
    add_headers(q, response, !q->route);
    connections_phase(q->server->connections, connection_of(q->connection), q->stream ? PHASE_WORK : PHASE_ANSWER);
    enum MHD_Result result = MHD_queue_response(q->connection, a->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- What libmicrohttpd calls -------------------------------------------------------------------------------- */

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state) {
    (void)version;
    request *q = *state;
    if (!q) {
        q = *state = calloc(1, sizeof *q);
        if (!q) {
            return MHD_NO;
        }
        atomic_init(&q->users, 1);
        q->server = user;
        q->connection = connection;
        begin(q, method, url);
        /* Answered before its body is there, the connection ends: the body is not waited for. */
        return q->answer.status ? send_answer(q) : MHD_YES;
    }
    if (*upload_size > 0) {
        take_body(q, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    /* After a job has answered and resumed the connection, this is called again. */
    return q->dispatched || dispatch(q) ? send_answer(q) : MHD_YES;
}

static void completed(void *user, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why) {
    server *s = user;
    request *q = *state;
    (void)why;
    *state = NULL;
    connections_phase(s->connections, connection_of(connection), PHASE_HEADER);
    if (q) {
        atomic_store(&q->cancelled, true); /* who still works on it need not */
        request_release(q);
    }
}

static void notify(void *user, struct MHD_Connection *connection, void **context,
                   enum MHD_ConnectionNotificationCode what) {
    server *s = user;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connections_enter(s->connections, socket_of(connection));
    } else {
        connections_leave(s->connections, *context);
        *context = NULL;
    }
}

/* libmicrohttpd's own complaints are about clients; who reads the server's log need not know. */
static void ignore(void *user, const char *format, va_list values) {
    (void)user;
    (void)format;
    (void)values;
}

/* ---- Starting and ending ------------------------------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(server *s, int listening) {
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                            NULL, handle, s, MHD_OPTION_EXTERNAL_LOGGER, ignore, NULL,
                            MHD_OPTION_LISTEN_SOCKET, listening,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS_IDLE,
                            /* Where the answer's part is written, too: more than the header. */
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(2 * LIMIT_HEADER),
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_NOTIFY_COMPLETED, completed, s,
                            MHD_OPTION_NOTIFY_CONNECTION, notify, s,
                            MHD_OPTION_END);
}

haya_status http_start(server *s, uint16_t port, haya_error *error) {
    const char *listen_to = s->options.listen ? s->options.listen : "127.0.0.1";
    bool loopback;
    int listening;
    haya_status status = listening_open(listen_to, &port, &listening, &loopback, error);
    if (status != HAYA_OK) {
        return status;
    }
    status = guard_create(&s->options, loopback, port, &s->guard, error);
    if (status != HAYA_OK) {
        close(listening);
        return status;
    }
    listening_address(listen_to, port, guard_token(s->guard), s->address, sizeof s->address);
    s->daemon = start_daemon(s, listening);
    if (!s->daemon) {
        close(listening);
        return inspection_fail(error, HAYA_ERROR_THREAD, "the server on %s, port %u, could not be started", listen_to,
                               (unsigned)port);
    }
    return HAYA_OK;
}

void http_quiesce(server *s) {
    MHD_socket listening = MHD_quiesce_daemon(s->daemon);
    if (listening != MHD_INVALID_SOCKET) {
        shutdown(listening, SHUT_RDWR);
        close(listening);
    }
}

void http_stop(server *s) {
    if (s->daemon) {
        MHD_stop_daemon(s->daemon);
        s->daemon = NULL;
    }
}
