/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library's limit. */

exit_status wrong_usage(const arguments *args, const char *format, ...) {
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    return fail(WRONG_USAGE, HAYA_ERROR_ARGUMENT, "%s; see 'haya %s --help'", text, args->command);
}

bool arguments_have(int argc, char **argv, const char *flag) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], flag) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the option's value from `attached` or else from the next argument. */
static int take_option(arguments *args, int index, const char *spelled, const char *attached) {
    const option_spec *option = &args->options[index];
    if (!option->takes_value && attached) {
        wrong_usage(args, "option '%s' takes no value", spelled);
        return ARGUMENTS_WRONG;
    }
    if (option->takes_value && !attached && args->next == args->argc) {
        wrong_usage(args, "option '%s' needs a value", spelled);
        return ARGUMENTS_WRONG;
    }
    args->value = attached;
    if (option->takes_value && !attached) {
        args->value = args->argv[args->next++];
    }
    return index;
}

static int long_option(arguments *args, const char *text) {
    size_t length = strcspn(text + 2, "=");
    const char *attached = text[2 + length] == '=' ? text + 3 + length : NULL;
    for (int i = 0; args->options[i].name; i++) {
        const char *name = args->options[i].name;
        if (strlen(name) == length && memcmp(name, text + 2, length) == 0) {
            return take_option(args, i, text, attached);
        }
    }
    wrong_usage(args, "unknown option '%s'", text);
    return ARGUMENTS_WRONG;
}

static int short_option(arguments *args, const char *text) {
    for (int i = 0; args->options[i].name; i++) {
        if (args->options[i].letter == text[1]) {
            return take_option(args, i, text, text[2] != '\0' ? text + 2 : NULL);
        }
    }
    wrong_usage(args, "unknown option '%s'", text);
    return ARGUMENTS_WRONG;
}

int arguments_next(arguments *args) {
    while (args->next < args->argc) {
        const char *text = args->argv[args->next++];
        if (args->only_operands || text[0] != '-' || text[1] == '\0') {
            args->value = text;
            return ARGUMENTS_OPERAND;
        }
        if (strcmp(text, "--") == 0) {
            args->only_operands = true;
        } else if (strcmp(text, "--json") != 0) {
            return text[1] == '-' ? long_option(args, text) : short_option(args, text);
        }
    }
    return ARGUMENTS_END;
}

bool arguments_number(const arguments *args, int64_t low, int64_t high, int64_t *number) {
    char *end;
    errno = 0;
    long long value = strtoll(args->value, &end, 10);
    if (end == args->value || *end != '\0' || errno != 0 || value < low || value > high) {
        wrong_usage(args, "'%s' is not a number from %" PRId64 " to %" PRId64, args->value, low, high);
        return false;
    }
    *number = value;
    return true;
}

bool arguments_real(const arguments *args, float *number) {
    char *end;
    *number = strtof(args->value, &end);
    if (end == args->value || *end != '\0' || !isfinite(*number)) {
        wrong_usage(args, "'%s' is not a number", args->value);
        return false;
    }
    return true;
}

bool arguments_threads(const arguments *args, int32_t *threads) {
    int64_t number;
    bool ok = arguments_number(args, 1, HAYA_MAX_THREADS, &number);
    *threads = ok ? (int32_t)number : 0;
    return ok;
}
