/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of one command: options "--name value", "--name=value", "-n value", "-nvalue" and operands in
 * any order; "--" makes the rest operands. --json and --help, which every command has, are main's.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "report.h"

typedef struct option_spec {
    const char *name;   /* without dashes; NULL ends a table */
    char letter;        /* '\0': none */
    bool takes_value;
} option_spec;

typedef struct arguments {
    const char *command;
    int argc;
    char **argv;
    int next;
    bool only_operands;
    const option_spec *options;
    const char *value;  /* of the option, or the operand */
} arguments;

enum { ARGUMENTS_END = -1, ARGUMENTS_OPERAND = -2, ARGUMENTS_WRONG = -3 };

/* The index of the next option in the table, or one of the above; what is wrong has been reported. */
int arguments_next(arguments *args);

/* The current option's value as a number from `low` to `high`; otherwise reports and returns false. */
bool arguments_number(const arguments *args, int64_t low, int64_t high, int64_t *number);

/* The same as a finite number, whole or not. */
bool arguments_real(const arguments *args, float *number);

/* The same for --threads. */
bool arguments_threads(const arguments *args, int32_t *threads);

/* Whether `flag` is given, wherever it stands before "--". */
bool arguments_have(int argc, char **argv, const char *flag);

/* Reports wrong usage, pointing at the command's help. */
exit_status wrong_usage(const arguments *args, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
