/* SPDX-License-Identifier: Apache-2.0
 *
 * The models of a folder, or of a list of files: watched, opened when they are needed, grouped by structure,
 * prepared in the background, and run on pictures.
 *
 * One plan serves all models of a structure for an input shape, and a few sessions serve all models. A model is a
 * file that is mapped, and a table of pointers into it; no descriptor stays open.
 *
 * Any function may be called on any thread. What can fail returns a status and writes one sentence to `error`,
 * which may be NULL. Strings of a result belong to it.
 */
#ifndef HAYA_REPOSITORY_H
#define HAYA_REPOSITORY_H

#include <haya/haya.h>

#include "inspection/settings.h"
#include "inspection/verdict.h"

typedef struct repository repository;

enum { REPOSITORY_ID = 17, REPOSITORY_MAX_MODELS = 100000 };

typedef enum repository_change {
    REPOSITORY_MODEL,        /* a model is new or has changed */
    REPOSITORY_MODEL_REMOVED,
    REPOSITORY_PREPARING,    /* how many are prepared has changed */
    REPOSITORY_INFO,         /* a sentence for people */
    REPOSITORY_WARNING
} repository_change;

typedef struct repository_options {
    const char *folder;          /* watched, with the folders in it, for files that end in .pb; NULL: none */
    const char *const *files;    /* watched one by one */
    size_t file_count;
    int sessions;                /* runs at the same time; 0: 1, or 2 where there are 8 processors or more */
    int32_t threads;             /* of each session; 0: all that the process may use */
    uint64_t prepare_bytes;      /* of model files that are brought into memory unasked; 0: half of the memory */
    bool prepare;                /* all models in the background */
    double rest_seconds;         /* for which a file must not have changed to count; 0: 1 */
    double scan_seconds;         /* between looks at all files; 0: 2 */
    /* Called on any thread, without locks held; `id` and `text` may be NULL. May call the repository, but not
       free it. */
    void (*changed)(void *user, repository_change change, const char *id, const char *text);
    void *user;
} repository_options;

/* Looks once at the files, opens none, and starts watching and preparing. */
haya_status repository_create(const repository_options *options, repository **created, haya_error *error);

/* Ends its threads, and frees it. Nobody may be using it. */
void repository_free(repository *r);

/* ---- What there is ------------------------------------------------------------------------------------------- */

typedef enum repository_state {
    REPOSITORY_COLD,
    REPOSITORY_BEING_PREPARED,
    REPOSITORY_READY,
    REPOSITORY_BROKEN
} repository_state;

typedef struct repository_class {
    char *name;
    picture_rgb color;
    double low, high;            /* unsure from low, NG from high */
    settings_score score;
    double sigma;                /* of the Gaussian that smooths the map */
} repository_class;

typedef struct repository_model {
    char id[REPOSITORY_ID];      /* by the path: the same each time */
    char *name;                  /* its class's, if it has one class; else the file's, without the ending */
    char *file, *path;           /* relative to the folder, and absolute */
    uint64_t bytes;
    double modified;             /* seconds since 1970 */
    uint64_t version;
    repository_state state;
    char *broken, *warning;      /* sentences, or NULL */
    char structure[33];          /* empty: not opened yet */
    char *input;                 /* NULL: not opened yet */
    int width, height, channels; /* of the input; 0: open */
    repository_class *classes;
    size_t class_count;
    char *settings_path;
    bool settings_exist;
    size_t undo;                 /* changes that can be taken back */
    double open_ms, bind_ms, first_ms, last_ms, median_ms; /* NaN: not measured */
    uint64_t runs;
    uint64_t private_bytes, derived_bytes, mapped_bytes;
} repository_model;

typedef struct repository_structure {
    char structure[33];
    size_t models, ready, plans;
    double plan_ms;              /* program and first plan; NaN: there is no plan */
    uint64_t scratch_bytes;      /* of the largest plan */
    uint64_t parameter_bytes, flops; /* of one model, and of one run of the plan used last */
} repository_structure;

/* A copy of what is known of a model; HAYA_ERROR_NOT_FOUND. */
haya_status repository_get(repository *r, const char *id, repository_model *model, haya_error *error);
void repository_model_free(repository_model *model);

/* All models, by name; numbers in names by their value. */
haya_status repository_list(repository *r, repository_model **models, size_t *count, haya_error *error);
void repository_list_free(repository_model *models, size_t count);

haya_status repository_structures(repository *r, repository_structure **structures, size_t *count,
                                  haya_error *error);

typedef struct repository_memory {
    size_t models, opened;
    uint64_t private_bytes, derived_bytes, mapped_bytes; /* of all opened models */
    size_t sessions, most_sessions; /* made so far; that there can be */
    uint64_t session_bytes[16];  /* scratch of each */
    uint64_t preparing_bytes;    /* of the session that prepares; 0: none */
} repository_memory;

void repository_memory_use(repository *r, repository_memory *use);

/* Names in the order in which people expect them: numbers by their value, "class2" before "class10". */
int repository_natural_order(const char *a, const char *b);

/* ---- Preparing ----------------------------------------------------------------------------------------------- */

/* Asks for these, or for all where ids is NULL, before all others. Unknown ids are HAYA_ERROR_NOT_FOUND, and
   nothing is asked for. `ready`: of those asked for, how many are. */
haya_status repository_prepare(repository *r, const char *const *ids, size_t count, size_t *wanted, size_t *ready,
                               haya_error *error);

/* Those that are looked at, which are prepared before the others. */
haya_status repository_set_visible(repository *r, const char *const *ids, size_t count, haya_error *error);

void repository_progress(repository *r, size_t *wanted, size_t *ready);

/* ---- Settings ------------------------------------------------------------------------------------------------ */

/* A change of a class; what is NULL or NaN stays. */
typedef struct repository_class_change {
    const char *name;
    const picture_rgb *color;
    double low, high;
    bool one_threshold;          /* `low`, which is NaN, becomes what `high` is then: nothing is unsure */
} repository_class_change;

/* One change for each class. Written to the file beside the model before anything else changes: to what stands there
   by now, so that whatever else others have changed in it stays. What changes nothing is no change to take back. */
haya_status repository_change_settings(repository *r, const char *id, const repository_class_change *changes,
                                       size_t count, haya_error *error);

/* What the last change changed is again as it was before; everything else stays. HAYA_ERROR_STATE where there is
   nothing to take back. */
haya_status repository_undo_settings(repository *r, const char *id, haya_error *error);

/* ---- Inference ----------------------------------------------------------------------------------------------- */

typedef struct repository_judged {
    repository_class how;        /* as it was when the picture was judged */
    verdict verdict;
    float min, max;              /* of the finite values of the map */
    uint64_t nonfinite;
} repository_judged;

typedef struct repository_result {
    char id[REPOSITORY_ID];
    char *name;
    uint64_t version;
    repository_judged *classes;
    size_t class_count;
    double open_ms, bind_ms, plan_ms;  /* that this call had to do; else NaN */
    double wait_ms;                    /* for a session */
    double input_ms, run_ms, judge_ms;
    bool first_run, switched;          /* of this version; the session had run another model before */
} repository_result;

/* Runs the model on the picture. `name` stands for it in sentences. Regions are in the picture's pixels. */
haya_status repository_infer(repository *r, const char *id, const picture *shown, const char *name,
                             repository_result *result, haya_error *error);
void repository_result_free(repository_result *result);

#endif
