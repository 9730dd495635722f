/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* sigset_t, posix_spawn */
#include "command.h"
#include "print.h"
#include "server/server.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char view_help[] =
    "usage: haya view [FOLDER | MODEL...] [options]\n"
    "\n"
    "Looks at pictures through models, in a browser. The models are those of FOLDER,\n"
    "here where none is named, and of the folders in it (*.pb); new, replaced and\n"
    "deleted files are noticed. Ends with Ctrl-C.\n"
    "\n"
    "  --data FOLDER       pictures to choose from; may be given several times\n"
    "  --port N            port to listen on (8765, or any that is free; 0: any)\n"
    "  --no-browser        don't open a browser, only print the address\n"
    "  --threads N         threads of an inference (as many as the process may use)\n"
    "  --no-prepare        don't prepare models in the background\n"
    "  --listen ADDRESS    reachable from other machines by this address, 0.0.0.0 for\n"
    "                      all; then a token is needed, which is part of the address\n"
    "                      that is printed\n"
    "  --no-auth           no token, whoever asks\n"
    "  --allow-host NAME   another name, or NAME:PORT, by which browsers call this\n"
    "                      server; may be given several times\n"
    "  --json              the address as one JSON object on standard output\n"
    "\n"
    "Pictures are read from the folders of --data alone, and from what is dropped on\n"
    "the page. docs/viewer-api.md describes the interface.\n";

enum { USUAL_PORT = 8765 };

typedef struct view_options {
    server_options server;
    const char **operands, **data, **hosts;
    size_t operand_count;
    int64_t port; /* -1: not said */
    bool no_browser;
} view_options;

static exit_status parse(view_options *v, arguments *args) {
    enum { DATA, PORT, NO_BROWSER, THREADS, NO_PREPARE, LISTEN, NO_AUTH, ALLOW_HOST };
    static const option_spec specs[] = {
        [DATA] = {"data", '\0', true},          [PORT] = {"port", '\0', true},
        [NO_BROWSER] = {"no-browser", '\0', false}, [THREADS] = {"threads", '\0', true},
        [NO_PREPARE] = {"no-prepare", '\0', false}, [LISTEN] = {"listen", '\0', true},
        [NO_AUTH] = {"no-auth", '\0', false},   [ALLOW_HOST] = {"allow-host", '\0', true},
        {NULL, '\0', false}};
    args->options = specs;
    v->operands = allocate((size_t)args->argc, sizeof *v->operands);
    v->data = allocate((size_t)args->argc, sizeof *v->data);
    v->hosts = allocate((size_t)args->argc, sizeof *v->hosts);
    v->port = -1;
    server_options *s = &v->server;
    for (int option; (option = arguments_next(args)) != ARGUMENTS_END;) {
        switch (option) {
        case DATA:
            v->data[s->data_count++] = args->value;
            break;
        case PORT:
            if (!arguments_number(args, 0, 65535, &v->port)) {
                return WRONG_USAGE;
            }
            break;
        case NO_BROWSER:
            v->no_browser = true;
            break;
        case THREADS:
            if (!arguments_threads(args, &s->threads)) {
                return WRONG_USAGE;
            }
            break;
        case NO_PREPARE:
            s->no_prepare = true;
            break;
        case LISTEN:
            s->listen = args->value;
            break;
        case NO_AUTH:
            s->no_auth = true;
            break;
        case ALLOW_HOST:
            v->hosts[s->allowed_host_count++] = args->value;
            break;
        case ARGUMENTS_OPERAND:
            v->operands[v->operand_count++] = args->value;
            break;
        default:
            return WRONG_USAGE;
        }
    }
    s->data = v->data;
    s->allowed_hosts = v->hosts;
    return DONE;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* One folder, or single files. */
static exit_status sort_operands(view_options *v, const arguments *args) {
    server_options *s = &v->server;
    if (v->operand_count <= 1 && is_folder(v->operand_count ? v->operands[0] : ".")) {
        s->models_folder = v->operand_count ? v->operands[0] : ".";
        return DONE;
    }
    for (size_t i = 0; i < v->operand_count; i++) {
        if (is_folder(v->operands[i])) {
            return wrong_usage(args, "'%s' is a folder: give one folder, or model files", v->operands[i]);
        }
    }
    s->models = v->operands;
    s->model_count = v->operand_count;
    return DONE;
}

static void write_log(void *user, bool warning, const char *text) {
    (void)user;
    if (warning) {
        fprintf(stderr, "haya: warning: ");
        print_text(stderr, text);
        fputc('\n', stderr);
    }
}

/* The signals that end the command, as far as its caller doesn't have them ignored, and blocked from here on in
   every thread: they are waited for. */
static sigset_t take_signals(void) {
    static const int ends[] = {SIGHUP, SIGINT, SIGTERM};
    sigset_t set;
    struct sigaction action;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            sigaddset(&set, ends[i]);
        }
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a client that went away, */
    signal(SIGXFSZ, SIG_IGN); /* and settings that can't be written, are no reason to end */
    return set;
}

/* Where there is a screen, and the usual program for it. What comes of it is not waited for, and is in a session of
   its own, so that Ctrl-C ends this program and leaves the browser. */
static void open_browser(const char *address) {
    extern char **environ;
    if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) {
        return;
    }
    char *words[] = {"xdg-open", (char *)(uintptr_t)address, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, pipe;
    pid_t child;
    sigemptyset(&none);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigaddset(&pipe, SIGXFSZ);
    sigaddset(&pipe, SIGCHLD);
    signal(SIGCHLD, SIG_IGN); /* nothing is left of it */
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    for (int fd = 0; fd < 3; fd++) {
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    }
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    (void)posix_spawnp(&child, words[0], &files, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
}

static void tell_address(const view_options *v, const char *address) {
    if (report_is_json()) {
        report_print(json_pack("{s:s}", "address", address));
    } else {
        printf("%s\n", address);
    }
    fflush(stdout);
    if (v->server.no_auth && v->server.listen) {
        fprintf(stderr, "haya: warning: whoever reaches this address can use the server\n");
    }
    if (!v->no_browser) {
        open_browser(address);
    }
}

static exit_status serve(view_options *v) {
    server *s;
    haya_error error;
    int signal_number;
    sigset_t ends = take_signals();
    v->server.log = write_log;
    v->server.port = (uint16_t)(v->port < 0 ? USUAL_PORT : v->port);
    haya_status status = server_start(&v->server, &s, &error);
    if (status == HAYA_ERROR_IO && v->port < 0) {
        v->server.port = 0; /* somebody has the usual one, maybe another viewer */
        status = server_start(&v->server, &s, &error);
        if (status == HAYA_OK) {
            fprintf(stderr, "haya: note: port %d is taken, another one is used\n", USUAL_PORT);
        }
    }
    if (status != HAYA_OK) {
        return fail(status == HAYA_ERROR_ARGUMENT ? WRONG_USAGE : FAILED, status, "%s", error.message);
    }
    tell_address(v, server_address(s));
    sigwait(&ends, &signal_number);
    /* A second one ends it at once. */
    signal(signal_number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
    server_stop(s);
    return DONE;
}

exit_status view_command(arguments *args) {
    view_options v = {0};
    exit_status status = parse(&v, args);
    status = status == DONE ? sort_operands(&v, args) : status;
    status = status == DONE ? serve(&v) : status;
    free(v.operands);
    free(v.data);
    free(v.hosts);
    return status;
}
