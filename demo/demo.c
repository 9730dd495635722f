/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs models of one structure, or of a few, on pictures with known defects, and shows what they see and what it
 * takes. `make demo` does this with the models and pictures beside this file.
 */
#include "gallery.h"
#include "inspection/whole_file.h"
#include "program.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { USUAL_ROUNDS = 3, MOST_ROUNDS = 1000 };

static const char usage[] =
    "usage: " PROGRAM_NAME " [OPTION...] MODEL.pb...\n"
    "\n"
    "Runs the models on the pictures of their classes, which the files beside them name, and writes into a folder\n"
    "index.html, contact-sheet.png and results.json.\n"
    "\n"
    "  --pictures DIR   folders of pictures as MVTec AD has them (demo/pictures)\n"
    "  --out DIR        where to write; made if it is missing (build/demo)\n"
    "  --rounds N       how often each picture is run for the times, 1 to 1000 (3)\n"
    "  --help           this text\n";

typedef struct options {
    const char *pictures, *out;
    size_t rounds;
    char **models;
    size_t model_count;
} options;

static bool wrong_usage(const char *what, const char *which) {
    return fail("%s '%s'; " PROGRAM_NAME " --help tells how it is used", what, which);
}

static bool parse_rounds(const char *string, size_t *rounds) {
    char *end;
    long number = strtol(string, &end, 10);
    if (end == string || *end || number < 1 || number > MOST_ROUNDS) {
        return fail("--rounds takes a number from 1 to %d, not '%s'", MOST_ROUNDS, string);
    }
    *rounds = (size_t)number;
    return true;
}

static bool parse(int argc, char **argv, options *o) {
    *o = (options){.pictures = "demo/pictures", .out = "build/demo", .rounds = USUAL_ROUNDS,
                   .models = allocate((size_t)argc, sizeof *o->models)};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strncmp(argv[i], "--", 2) != 0) {
            o->models[o->model_count++] = argv[i];
            continue;
        }
        bool rounds = strcmp(argv[i], "--rounds") == 0;
        const char **folder = strcmp(argv[i], "--pictures") == 0 ? &o->pictures
                              : strcmp(argv[i], "--out") == 0    ? &o->out
                                                                 : NULL;
        if (!rounds && !folder) {
            return wrong_usage("there is no option", argv[i]);
        }
        if (!value) {
            return wrong_usage("a value is missing behind", argv[i]);
        }
        if (rounds && !parse_rounds(value, &o->rounds)) {
            return false;
        }
        if (folder) {
            *folder = value;
        }
        i++;
    }
    return o->model_count > 0 || fail("no model is given; " PROGRAM_NAME " --help tells how it is used");
}

/* ---- Files --------------------------------------------------------------------------------------------------- */

static bool report_sheet_of(gallery *all, FILE *to) {
    return report_sheet(all, to);
}

static bool write_file(gallery *all, const char *path, bool (*report)(gallery *, FILE *)) {
    whole_file file = {0};
    bool ok = whole_file_begin(&file, path);
    if (ok) {
        ok = whole_file_finish(&file, report(all, file.stream));
    }
    int why = ok ? 0 : errno ? errno : EIO;
    whole_file_free(&file);
    return ok || fail("%s cannot be written: %s", path, strerror(why));
}

static bool make_folder(const char *path) {
    struct stat about;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode))) {
        return true;
    }
    return fail("%s: the folder cannot be made: %s", path, strerror(errno));
}

static bool write_files(gallery *all, const options *o) {
    char *page = text("%s/index.html", o->out), *sheet = text("%s/contact-sheet.png", o->out);
    char *results = text("%s/results.json", o->out);
    bool ok = write_file(all, results, report_json) && write_file(all, sheet, report_sheet_of) &&
              write_file(all, page, report_html);
    if (ok) {
        printf("\nWritten: %s  the pictures, maps and verdicts; for a browser\n", page);
        printf("         %s  the same as one picture\n", sheet);
        printf("         %s  the numbers\n", results);
        ok = fflush(stdout) == 0 || fail("the standard output cannot be written to: %s", strerror(errno));
    }
    free(page);
    free(sheet);
    free(results);
    return ok;
}

int main(int argc, char **argv) {
    options o;
    gallery all = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return fputs(usage, stdout) == EOF || fflush(stdout) != 0;
        }
    }
    bool ok = parse(argc, argv, &o);
    if (ok) {
        /* The folder first: that nothing can be written is to be known before the work is done. */
        ok = make_folder(o.out) && gallery_make(&all, o.models, o.model_count, o.pictures, o.rounds) &&
             (report_text(&all, stdout) || fail("the standard output cannot be written to: %s", strerror(errno))) &&
             write_files(&all, &o);
        gallery_free(&all);
    }
    free(o.models);
    return ok ? 0 : 1;
}
