/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* sigaction */
#include "command.h"
#include "output_file.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char main_help[] =
    "usage: haya COMMAND [options]\n"
    "\n"
    "Runs TensorFlow frozen graphs on the CPU. Models of one structure share one\n"
    "program, and each one's parameters stay where they are: in its file.\n"
    "\n"
    "  haya run MODEL       run a model on pictures and .npy files\n"
    "  haya inspect MODEL   what a model is made of, and how it would run\n"
    "  haya compare A B     whether two models share one structure\n"
    "  haya bench MODEL...  times and memory of models, and of changing between them\n"
#if defined(HAYA_VIEW)
    "  haya view [FOLDER]   look at pictures through models, in a browser\n"
#endif
    "  haya help COMMAND    the options of a command; also haya COMMAND --help\n"
    "  haya --version       version and build\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 model or settings unusable,\n"
    "4 unsupported operation, 5 structures differ, 6 input unusable.\n";

typedef struct command {
    const char *name;
    const char *help;
    exit_status (*run)(arguments *args);
} command;

static const command commands[] = {{"run", run_help, run_command},
                                   {"inspect", inspect_help, inspect_command},
                                   {"compare", compare_help, compare_command},
                                   {"bench", bench_help, bench_command},
#if defined(HAYA_VIEW)
                                   {"view", view_help, view_command},
#endif
};

static const command *find_command(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "there is no command '%s'; see 'haya --help'", name);
    return NULL;
}

/* A model file that shrinks while it is mapped faults at the next access; the library fails the running call. */
static void on_fault(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    if (haya_handle_fault(info->si_addr)) {
        return;
    }
    output_files_discard();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void on_end(int signal_number) {
    output_files_discard();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void handle_signals(void) {
    static const int ends[] = {SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ};
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);
    action.sa_handler = on_end;
    action.sa_flags = 0;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        /* What the caller lets us ignore, as nohup does with SIGHUP, stays ignored. */
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(ends[i], &action, NULL);
        }
    }
}

static exit_status run(int argc, char **argv) {
    if (argc < 2) {
        fputs(main_help, stderr);
        return WRONG_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        printf("haya %s\n%s\n", haya_version(), haya_build_info());
        return DONE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        fputs(main_help, stdout);
        return DONE;
    }
    bool help = strcmp(name, "help") == 0;
    const command *found = find_command(help ? argv[2] : name);
    if (!found) {
        return WRONG_USAGE;
    }
    if (help || arguments_have(argc - 2, argv + 2, "--help") || arguments_have(argc - 2, argv + 2, "-h")) {
        fputs(found->help, stdout);
        return DONE;
    }
    arguments args = {.command = found->name, .argc = argc - 2, .argv = argv + 2};
    return found->run(&args);
}

int main(int argc, char **argv) {
    report_set_json(arguments_have(argc - 1, argv + 1, "--json"));
    handle_signals();
    exit_status status = run(argc, argv);
    output_files_discard();
    return report_end(status);
}
