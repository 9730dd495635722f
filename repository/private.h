/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the repository share. An entry is a path; a version is what was found under it at some time,
 * opened; a structure is a program with its plans, for all versions that bind to it.
 *
 * One mutex, `lock`, guards everything that changes. Opening, planning, running and writing happen outside of it:
 * what is used meanwhile is held by a count.
 */
#ifndef HAYA_REPOSITORY_PRIVATE_H
#define HAYA_REPOSITORY_PRIVATE_H

#include "repository.h"

#include "inspection/fail.h"
#include "system/clock.h"
#include "system/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* USUAL_SIDE: of a picture, for models without a size of their own. */
enum { MAX_PLANS = 8, MAX_WATCHED = 4096, TIMED_RUNS = 100, MAX_UNDO = 100, MAX_SESSIONS = 16, USUAL_SIDE = 256 };

/* Which file it is, and whether it was written to. */
typedef struct stamp {
    uint64_t device, inode, size;
    int64_t modified_s, modified_ns, changed_s, changed_ns;
} stamp;

stamp stamp_of(const struct stat *info);
bool stamp_equal(const stamp *a, const stamp *b);
bool stamp_same_file(const stamp *a, const stamp *b);

/* ---- Structures ---------------------------------------------------------------------------------------------- */

typedef struct planned {
    haya_plan *plan;
    haya_shape shape;
    size_t users;
    uint64_t used;               /* the structure's clock */
    haya_plan_info info;
} planned;

typedef struct structure {
    struct structure *next;
    size_t versions;             /* bound to it */
    haya_program *program;
    haya_program_info info;
    char *feed, **fetches;       /* NULL: the model's own */
    size_t fetch_count;
    planned *plans[MAX_PLANS];
    uint64_t clock;
    double program_ms, plan_ms;  /* NaN: no plan yet */
} structure;

/* The plan for an input shape, made if there is none. `made_ms`: what that took, else NaN. */
haya_status structure_plan(repository *r, structure *s, const haya_shape *shape, planned **plan, double *made_ms,
                           haya_error *error);
void structure_done(repository *r, planned *plan);

/* With the lock held: one version less; freed after the last. */
void structure_release(repository *r, structure *s);

/* One that nobody else knows of. */
void structure_free(structure *s);

/* ---- Versions ------------------------------------------------------------------------------------------------ */

/* Counts the bytes that the library takes for one model; lives as long as any of them. */
typedef struct byte_count byte_count;

byte_count *byte_count_create(void);
void byte_count_release(byte_count *count);
uint64_t byte_count_bytes(const byte_count *count);
haya_host byte_count_host(byte_count *count);

/* Settings, held by versions and by those who judge with them. */
typedef struct held_settings {
    size_t users;
    settings s;
} held_settings;

typedef struct version {
    size_t users;                /* the entry, and runs */
    uint64_t serial;             /* never given twice */
    stamp stamp;
    haya_model *model;
    haya_weights *weights;
    structure *structure;
    held_settings *settings;
    haya_value input;            /* its name belongs to the model */
    haya_shape planned_input;    /* rank 0: the size is open */
    size_t *class_outputs;       /* for each class, which of the program's outputs */
    byte_count *bytes;
    uint64_t derived_bytes, mapped_bytes;
    double open_ms, bind_ms, plan_ms;
    bool ran;                    /* at least once */
    char *settings_warning;      /* why the file of settings is not in force, or NULL */
} version;

/* Opens a model's file and what lies beside it, and binds it. */
haya_status version_open(repository *r, const char *path, version **opened, haya_error *error);

/* With the lock held. */
void version_release(repository *r, version *v);
void settings_release(held_settings *held);

/* Reads the settings beside a model and completes them for it. Where the file is of no use, `*warning` says why,
   to be freed, and the defaults are taken. */
haya_status version_read_settings(const char *path, haya_model *model, settings *s, char **warning,
                                  haya_error *error);

/* ---- Entries ------------------------------------------------------------------------------------------------- */

/* What a change changed of a class, as it was before. */
typedef struct saved_class {
    char *name;                  /* NULL: it stayed */
    bool has_color;
    picture_rgb color;
    double low, high;            /* both, or NaN: they stayed */
} saved_class;

typedef struct saved_settings {
    saved_class *classes;
    size_t count;
} saved_settings;

void saved_settings_free(saved_settings *saved); /* and empties it */

/* A file that may be written to right now. */
typedef struct watched {
    bool seen;                   /* at all */
    stamp now;                   /* as last seen; zeros: there is none */
    double since;                /* when it was first seen like that */
    bool rested;                 /* that is long enough ago */
} watched;

typedef struct entry {
    char id[REPOSITORY_ID];
    char *path, *file, *stem;
    watched file_watch, settings_watch;
    stamp settings_known;        /* of the file of settings that was read last */
    stamp tried;                 /* of the file that was opened last, or could not be */
    bool counted;                /* the file was seen at rest at least once */
    bool opened;                 /* and was opened once: `known` is what it was */
    stamp known;
    uint64_t version;
    struct version *current;     /* NULL: not opened, or broken */
    bool opening;                /* a thread is at it */
    size_t users;                /* the list, and those who hold it beyond the lock */
    bool removed;
    haya_status broken_status;
    char *broken, *warning;
    bool being_prepared, ready, prepare_failed;
    uint64_t asked;              /* order in which preparing was asked for; 0: it was not */
    bool visible;
    double first_ms, last_ms;
    float recent[TIMED_RUNS];
    size_t recent_next, recent_count;
    uint64_t runs;
    saved_settings undo[MAX_UNDO];
    size_t undo_count;
    pthread_mutex_t editing;     /* one change of settings at a time */
} entry;

typedef struct pooled {
    haya_session *session;
    bool busy;
    uint64_t last;               /* serial of the version that ran last; 0: none */
    uint64_t scratch_bytes;
} pooled;

struct repository {
    repository_options options;
    char *folder;                /* resolved; NULL: none */
    char **files;
    size_t file_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;      /* anything that somebody may wait for */
    entry **entries;             /* by path */
    size_t count, capacity;
    structure *structures;
    pooled sessions[MAX_SESSIONS];
    size_t session_count;
    size_t running;              /* inferences, and those that wait for a session */
    uint64_t preparing_bytes;
    uint64_t asked, serial;
    size_t progress_wanted, progress_ready;
    bool ending;
    bool look;                   /* a scan is wanted at once */
    bool folder_failed, too_many; /* have been told */
    watch *watch;                /* of the folder and those in it; what the watcher waits with */
    pthread_t watcher, preparer;
    bool has_watcher, has_preparer;
};

/* Found, with its use counted; NULL: there is none. */
entry *entry_find(repository *r, const char *id);
entry *entry_find_locked(repository *r, const char *id); /* without a count */
void entry_done(repository *r, entry *e);

/* With the lock held: one count less. */
void entry_release(repository *r, entry *e);

/* A new one, held once; NULL: no memory. `file` is what it is called to people. */
entry *entry_create(const char *path, const char *file);

/* The version in force, opened if need be, with its use counted. `opened`: this call did it. */
haya_status entry_open(repository *r, entry *e, version **v, bool *opened, haya_error *error);

/* Opens what has replaced the file in force, or the settings; what cannot be opened leaves an older file serving.
   */
void entry_reopen(repository *r, entry *e);

/* Notes what went wrong with a version in use: its file was changed. The next look finds out what is there now. */
void entry_failed(repository *r, const haya_error *error);

/* Tells those outside; without the lock. */
void tell(repository *r, repository_change change, const char *id, const char *format, ...)
    INSPECTION_PRINTF_LIKE(4, 5);

/* ---- Sessions ------------------------------------------------------------------------------------------------ */

haya_status session_take(repository *r, const version *v, planned *plan, pooled **taken, bool *switched,
                         haya_error *error);
void session_give_back(repository *r, pooled *taken);

/* Reserves the plan's scratch in every session that is idle. */
void sessions_warm(repository *r, const planned *plan);

/* ---- Threads and looks --------------------------------------------------------------------------------------- */

/* One look at all files; what was found new or changed is told. */
void scan(repository *r);

void *watcher_main(void *repository);
void *preparer_main(void *repository);

/* Progress of preparing is told where it has changed. */
void tell_progress(repository *r);

/* What is told of a class; its name is NULL where there is no memory. */
repository_class class_of(const settings_class *c);

char *copy_string(const char *string); /* NULL: no memory, or no string */
char *format_string(const char *format, ...) INSPECTION_PRINTF_LIKE(1, 2);

#endif
