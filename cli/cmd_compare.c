/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "print.h"
#include "settings_print.h"

const char compare_help[] =
    "usage: haya compare A B [--settings FILE|none] [--json]\n"
    "\n"
    "Tells whether two models share one structure, so that one program and one plan\n"
    "run both: exits 0 where they do, and 5 with the first difference where they\n"
    "don't.\n"
    "\n"
    "  --settings FILE|none  settings for both, or none, instead of each MODEL.json;\n"
    "                        they are checked, and the structures alone compared\n"
    "  --json                one JSON object on standard output\n";

static exit_status compare(const char *const *paths, const char *settings_option, haya_model **models,
                           haya_program **program, haya_weights **weights) {
    haya_error error;
    for (size_t i = 0; i < 2; i++) {
        settings s;
        if (haya_model_open(paths[i], NULL, &models[i], &error) != HAYA_OK) {
            return fail_haya(&error);
        }
        exit_status status = read_settings(settings_option, paths[i], models[i], true, &s);
        if (status != DONE) {
            return status;
        }
        settings_free(&s);
    }
    if (haya_program_create(models[0], NULL, program, &error) != HAYA_OK ||
        haya_weights_bind(*program, models[1], weights, &error) != HAYA_OK) {
        return fail_haya(&error);
    }
    return DONE;
}

static void print_result(const char *const *paths, const haya_program *program, exit_status status) {
    haya_program_info info;
    haya_program_get_info(program, &info);
    if (!report_is_json()) {
        if (status == DONE) {
            printf("%s  ", info.fingerprint);
            print_text(stdout, paths[0]);
            printf("  ");
            print_text(stdout, paths[1]);
            putchar('\n');
        }
        return;
    }
    json_t *object = json_pack("{s:b, s:o, s:[o, o]}", "same", status == DONE, "structure",
                               status == DONE ? json_string(info.fingerprint) : json_null(), "files",
                               json_text(paths[0]), json_text(paths[1]));
    if (status != DONE) {
        json_object_set_new(object, "error", report_failure());
    }
    report_print(object);
}

exit_status compare_command(arguments *args) {
    enum { SETTINGS };
    static const option_spec options[] = {[SETTINGS] = {"settings", '\0', true}, {NULL, '\0', false}};
    const char *paths[2] = {NULL, NULL}, *settings_option = NULL;
    size_t count = 0;
    args->options = options;
    for (int option; (option = arguments_next(args)) != ARGUMENTS_END;) {
        if (option == SETTINGS) {
            settings_option = args->value;
            continue;
        }
        if (option != ARGUMENTS_OPERAND) {
            return WRONG_USAGE;
        }
        if (count == 2) {
            return wrong_usage(args, "two models are compared, and '%s' is a third", args->value);
        }
        paths[count++] = args->value;
    }
    if (count < 2) {
        return wrong_usage(args, "two models are needed");
    }
    haya_model *models[2] = {NULL, NULL};
    haya_program *program = NULL;
    haya_weights *weights = NULL;
    exit_status status = compare(paths, settings_option, models, &program, &weights);
    if (status == DONE || status == STRUCTURES_DIFFER) {
        print_result(paths, program, status);
    }
    haya_weights_free(weights);
    haya_program_free(program);
    haya_model_close(models[0]);
    haya_model_close(models[1]);
    return status;
}
