/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets in the layouts that people have on their disks:
 *
 *     MVTec AD     CATEGORY/train/good, CATEGORY/test/{good,DEFECT}, CATEGORY/ground_truth/DEFECT/000_mask.png;
 *                  VisA, converted to it, leaves "_mask" away. Where train has defects, their masks are in
 *                  CATEGORY/ground_truth_train
 *     DAGM 2007    CLASS/{Train,Test}/0001.PNG and CLASS/{Train,Test}/Label/{Labels.txt,0001_label.PNG}
 *     older DAGM   CLASS/1.png, which are good, CLASS_def/1.png and CLASS_def/labels.txt with an ellipse for each
 */
#define _GNU_SOURCE
#include "inside.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_CHILDREN = 64, LABEL_BYTES = 4 * 1024 * 1024, MOST_LABELS = 100000 };

const char *layout_word(layout l) {
    static const char *const words[] = {"plain", "mvtec", "dagm", "dagm-old"};
    return words[l];
}

const char *kind_word(folder_kind k) {
    static const char *const words[] = {"roots", "set", "category", "split", "folder"};
    return words[k];
}

/* ---- Paths --------------------------------------------------------------------------------------------------- */

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* To be freed; NULL: there is none above it, or no memory. */
static char *parent_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path)) : NULL;
}

static char *joined(const char *folder, const char *name) {
    char *path;
    return folder && asprintf(&path, "%s/%s", folder, name) >= 0 ? path : NULL;
}

/* Frees the path. */
static bool read_and_free(const roots *r, char *path, listing *l) {
    *l = (listing){0};
    bool ok = path && listing_read(r, path, l, NULL) == HAYA_OK;
    free(path);
    return ok;
}

static bool has_folders(const roots *r, const char *path, const char *name) {
    listing l;
    bool found = read_and_free(r, joined(path, name), &l) && l.count > 0 && l.items[0].is_folder;
    listing_free(&l);
    return found;
}

/* ---- Folders ------------------------------------------------------------------------------------------------- */

static bool has_labels(const roots *r, const char *path, const char *split) {
    listing l = {0};
    char *folder = joined(path, split);
    bool found = read_and_free(r, joined(folder, "Label"), &l) && listing_has(&l, "Labels.txt", false);
    free(folder);
    listing_free(&l);
    return found;
}

static bool ends_in(const char *path, const char *end) {
    size_t length = strlen(path), size = strlen(end);
    return length > size && strcmp(path + length - size, end) == 0;
}

/* Whether the folder is a category, and of which layout. */
static layout category_layout(const roots *r, const char *path, const listing *l) {
    if (listing_has(l, "test", true) && (listing_has(l, "train", true) || listing_has(l, "ground_truth", true)) &&
        has_folders(r, path, "test")) {
        return LAYOUT_MVTEC;
    }
    if ((listing_has(l, "Train", true) && has_labels(r, path, "Train")) ||
        (listing_has(l, "Test", true) && has_labels(r, path, "Test"))) {
        return LAYOUT_DAGM;
    }
    if (ends_in(path, "_def") && listing_has(l, "labels.txt", false)) {
        return LAYOUT_DAGM_OLD;
    }
    char *defects;
    listing other;
    if (asprintf(&defects, "%s_def", path) >= 0 && read_and_free(r, defects, &other)) {
        bool old = listing_has(&other, "labels.txt", false);
        listing_free(&other);
        if (old) {
            return LAYOUT_DAGM_OLD;
        }
    }
    return LAYOUT_PLAIN;
}

static layout layout_at(const roots *r, const char *path) {
    listing l;
    layout found = LAYOUT_PLAIN;
    if (path && listing_read(r, path, &l, NULL) == HAYA_OK) {
        found = category_layout(r, path, &l);
        listing_free(&l);
    }
    return found;
}

static layout layout_of_children(const roots *r, const char *path, const listing *l) {
    layout found = LAYOUT_PLAIN;
    for (size_t i = 0; i < l->count && i < MOST_CHILDREN && l->items[i].is_folder && found == LAYOUT_PLAIN; i++) {
        char *child = joined(path, l->items[i].name);
        found = layout_at(r, child);
        free(child);
    }
    return found;
}

/* Whether the folder is one of the splits of a category of this layout. */
static bool is_split_name(layout l, const char *name) {
    return l == LAYOUT_MVTEC  ? strcmp(name, "train") == 0 || strcmp(name, "test") == 0
           : l == LAYOUT_DAGM ? strcmp(name, "Train") == 0 || strcmp(name, "Test") == 0
                              : false;
}

folder_meaning folder_meaning_of(const roots *r, const char *path, const listing *l) {
    layout found = category_layout(r, path, l);
    if (found != LAYOUT_PLAIN) {
        return (folder_meaning){found, KIND_CATEGORY};
    }
    char *parent = parent_of(path), *above = parent ? parent_of(parent) : NULL;
    folder_meaning meaning = {LAYOUT_PLAIN, KIND_FOLDER};
    layout outside = layout_at(r, parent);
    if (outside != LAYOUT_PLAIN && is_split_name(outside, base_of(path))) {
        meaning = (folder_meaning){outside, KIND_SPLIT};
    } else if (above && is_split_name(LAYOUT_MVTEC, base_of(parent)) && layout_at(r, above) == LAYOUT_MVTEC) {
        meaning.layout = LAYOUT_MVTEC;
    } else if ((found = layout_of_children(r, path, l)) != LAYOUT_PLAIN) {
        meaning = (folder_meaning){found, KIND_SET};
    }
    free(parent);
    free(above);
    return meaning;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------ */

typedef struct label {
    char *name, *mask;           /* of files; mask NULL: it has none */
    int line;
    bool defect;
} label;

struct meanings {
    layout layout;
    const char *split;
    char *defect;                /* the folder's, in MVTec AD */
    truth truth;
    char *mask_folder;
    listing masks;
    label *labels;
    size_t label_count;
    bool are_masks;
};

static void add_label(meanings *m, const char *name, const char *mask, int line, bool defect) {
    if (m->label_count % 256 == 0) {
        label *labels = realloc(m->labels, (m->label_count + 256) * sizeof *labels);
        if (!labels) {
            return;
        }
        m->labels = labels;
    }
    label *l = &m->labels[m->label_count];
    *l = (label){strdup(name), mask ? strdup(mask) : NULL, line, defect};
    m->label_count += l->name != NULL;
}

/* "id  flag  0576.PNG  flag  0576_label.PNG" of DAGM 2007, or "1  semi-major  semi-minor  rotation  x  y". */
static void parse_label(meanings *m, const char *line, int number) {
    char words[6][128];
    int count = sscanf(line, "%127s %127s %127s %127s %127s %127s", words[0], words[1], words[2], words[3],
                       words[4],
                       words[5]);
    if (m->layout == LAYOUT_DAGM && count >= 5) {
        bool defect = strcmp(words[1], "1") == 0;
        add_label(m, words[2], defect && is_picture_name(words[4]) ? words[4] : NULL, number, defect);
    } else if (m->layout == LAYOUT_DAGM_OLD && count == 6) {
        char name[160];
        snprintf(name, sizeof name, is_picture_name(words[0]) ? "%s" : "%s.png", words[0]);
        add_label(m, name, NULL, number, true);
    }
}

/* Takes the path. */
static void read_labels(meanings *m, const roots *r, char *path) {
    void *data = NULL;
    size_t size;
    struct stat info;
    if (path && roots_read(r, path, LABEL_BYTES, &data, &size, &info, NULL) == HAYA_OK) {
        char *text = data;
        text[size] = '\0';
        int number = 1;
        for (char *line = text; line && number <= MOST_LABELS; number++) {
            char *end = strchr(line, '\n');
            if (end) {
                *end = '\0';
            }
            parse_label(m, line, number);
            line = end ? end + 1 : NULL;
        }
    }
    free(data);
    free(path);
}

/* CATEGORY/SPLIT/DEFECT. */
static bool try_mvtec(meanings *m, const roots *r, const char *folder, const char *split_folder,
                      const char *category) {
    const char *split = base_of(split_folder), *defect = base_of(folder);
    if (!category || layout_at(r, category) != LAYOUT_MVTEC) {
        return false;
    }
    if (strncmp(split, "ground_truth", strlen("ground_truth")) == 0) {
        m->layout = LAYOUT_MVTEC;
        m->are_masks = true;
        return true;
    }
    if (!is_split_name(LAYOUT_MVTEC, split)) {
        return false;
    }
    bool train = strcmp(split, "train") == 0, good = strcmp(defect, "good") == 0;
    m->layout = LAYOUT_MVTEC;
    m->split = train ? "train" : "test";
    m->truth = good ? TRUTH_GOOD : TRUTH_DEFECT;
    m->defect = good ? NULL : strdup(defect);
    char *masks = good ? NULL : joined(category, train ? "ground_truth_train" : "ground_truth");
    m->mask_folder = joined(masks, defect);
    free(masks);
    if (m->mask_folder && listing_read(r, m->mask_folder, &m->masks, NULL) != HAYA_OK) {
        m->masks = (listing){0};
    }
    return true;
}

/* CLASS/{Train,Test}, or the Label folder below it. */
static bool try_dagm(meanings *m, const roots *r, const char *folder, const char *parent, const char *above) {
    if (above && strcmp(base_of(folder), "Label") == 0 && layout_at(r, above) == LAYOUT_DAGM) {
        m->layout = LAYOUT_DAGM;
        m->are_masks = true;
        return true;
    }
    if (!is_split_name(LAYOUT_DAGM, base_of(folder)) || layout_at(r, parent) != LAYOUT_DAGM) {
        return false;
    }
    m->layout = LAYOUT_DAGM;
    m->split = strcmp(base_of(folder), "Train") == 0 ? "train" : "test";
    m->mask_folder = joined(folder, "Label");
    if (m->mask_folder && listing_read(r, m->mask_folder, &m->masks, NULL) == HAYA_OK) {
        read_labels(m, r, joined(m->mask_folder, "Labels.txt"));
    }
    return true;
}

static void try_old_dagm(meanings *m, const roots *r, const char *folder) {
    if (layout_at(r, folder) == LAYOUT_DAGM_OLD) {
        bool defect = ends_in(folder, "_def");
        m->layout = LAYOUT_DAGM_OLD;
        m->truth = defect ? TRUTH_DEFECT : TRUTH_GOOD;
        if (defect) {
            m->mask_folder = strdup(folder);
            read_labels(m, r, joined(folder, "labels.txt"));
        }
    }
}

meanings *meanings_create(const roots *r, const char *folder) {
    meanings *m = calloc(1, sizeof *m);
    if (!m) {
        return NULL;
    }
    char *parent = parent_of(folder), *above = parent ? parent_of(parent) : NULL;
    if (!(parent && above && try_mvtec(m, r, folder, parent, above)) &&
        !(parent && try_dagm(m, r, folder, parent, above))) {
        try_old_dagm(m, r, folder);
    }
    free(parent);
    free(above);
    return m;
}

void meanings_free(meanings *m) {
    if (!m) {
        return;
    }
    for (size_t i = 0; i < m->label_count; i++) {
        free(m->labels[i].name);
        free(m->labels[i].mask);
    }
    free(m->labels);
    listing_free(&m->masks);
    free(m->mask_folder);
    free(m->defect);
    free(m);
}

bool meanings_are_pictures(const meanings *m) {
    return !m->are_masks;
}

static const label *find_label(const meanings *m, const char *name) {
    for (size_t i = 0; i < m->label_count; i++) {
        if (strcasecmp(m->labels[i].name, name) == 0) {
            return &m->labels[i];
        }
    }
    return NULL;
}

static bool set_mask(const meanings *m, const char *name, picture_meaning *p) {
    bool there = m->mask_folder && listing_has(&m->masks, name, false);
    if (there) {
        int length = snprintf(p->mask, sizeof p->mask, "%s/%s", m->mask_folder, name);
        there = length < (int)sizeof p->mask;
    }
    if (!there) {
        p->mask[0] = '\0';
    }
    return there;
}

void meanings_of(const meanings *m, const char *name, picture_meaning *p) {
    *p = (picture_meaning){.split = m->split, .truth = m->truth};
    const char *dot = strrchr(name, '.');
    int stem = (int)(dot ? dot - name : (long)strlen(name));
    const label *known = find_label(m, name);
    char mask[512];
    switch (m->layout) {
    case LAYOUT_MVTEC:
        snprintf(p->defect, sizeof p->defect, "%s", m->defect ? m->defect : "");
        snprintf(mask, sizeof mask, "%.*s_mask.png", stem, name);
        if (!set_mask(m, mask, p)) {
            snprintf(mask, sizeof mask, "%.*s.png", stem, name);
            set_mask(m, mask, p);
        }
        break;
    case LAYOUT_DAGM:
        if (known) {
            p->truth = known->defect ? TRUTH_DEFECT : TRUTH_GOOD;
            snprintf(p->defect, sizeof p->defect, "%s", known->defect ? "defect" : "");
            if (known->mask) {
                set_mask(m, known->mask, p);
            }
        }
        break;
    case LAYOUT_DAGM_OLD:
        snprintf(p->defect, sizeof p->defect, "%s", m->truth == TRUTH_DEFECT ? "defect" : "");
        if (known) {
            p->ellipse = known->line;
            snprintf(p->mask, sizeof p->mask, "%s/labels.txt", m->mask_folder);
        }
        break;
    case LAYOUT_PLAIN:
        break;
    }
}
