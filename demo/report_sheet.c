/* SPDX-License-Identifier: Apache-2.0
 *
 * A strip shows up to six pictures of a class, side by side: picture, ground truth, map and overlay by the class's
 * first model, and the verdicts of all its models. Strips stand in two columns.
 */
#include "drawing.h"
#include "program.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS = 2, PICTURES = 6, ROWS = 4,      /* strips side by side; in a strip */
    TILE = 128, GAP = 6, LABELS = 62,         /* pixels */
    TITLE = 26, LINE = 12, MARGIN = 14
};

static const picture_rgb ground = {27, 27, 31}, ink = {236, 236, 240}, quiet = {163, 163, 173};
static const picture_rgb red = {255, 143, 134}, green = {109, 213, 140}, amber = {240, 179, 94};

static picture_rgb verdict_colour(const verdict *v) {
    return v->decision == VERDICT_NG       ? red
           : v->decision == VERDICT_OK     ? green
           : v->decision == VERDICT_UNSURE ? amber
                                           : ink;
}

static size_t strips_of(const class *c) {
    return (c->set.count + PICTURES - 1) / PICTURES;
}

static int strip_width(void) {
    return LABELS + PICTURES * (TILE + GAP);
}

static int strip_height(const class *c) {
    return TITLE + LINE + ROWS * (TILE + GAP) + (int)c->judge_count * LINE + MARGIN;
}

static bool draw_row(int row, const sample *s, const verdict *v, picture_canvas *canvas) {
    switch (row) {
    case 0:
        return draw_picture(s, canvas);
    case 1:
        return draw_mask(s, canvas);
    case 2:
        return draw_map(v, canvas);
    default:
        return draw_overlay(s, v, canvas);
    }
}

/* One picture's column of a strip, at (x, y). */
static bool draw_column(const class *c, size_t index, int x, int y, picture_canvas *sheet) {
    const sample *s = &c->set.samples[index];
    picture_text(sheet, x, y, 1, ink, s->kind);
    y += LINE;
    bool ok = true;
    for (int row = 0; ok && row < ROWS; row++, y += TILE + GAP) {
        picture_canvas drawn;
        ok = draw_row(row, s, &c->judges[0].verdicts[index], &drawn) && draw_scaled(&drawn, TILE, x, y, sheet);
        picture_canvas_free(&drawn);
    }
    for (size_t i = 0; i < c->judge_count; i++, y += LINE) {
        const verdict *v = &c->judges[i].verdicts[index];
        const char *word = verdict_word(v->decision);
        char *line = text("%s %s %s", word ? word : "", text_score(v->score).s, mistake(s, v));
        picture_text(sheet, x, y, 1, verdict_colour(v), line);
        free(line);
    }
    return ok;
}

/* A name as far as there is room for it. */
static void draw_label(picture_canvas *sheet, int x, int y, picture_rgb colour, const char *name) {
    char *line = text("%.10s", name);
    picture_text(sheet, x, y, 1, colour, line);
    free(line);
}

static bool draw_strip(const class *c, size_t first, int x, int y, picture_canvas *sheet) {
    static const char *const labels[ROWS] = {"picture", "truth", "map", "overlay"};
    fill_canvas(sheet, x, y, 14, 14, c->color);
    picture_text(sheet, x + 22, y, 2, ink, c->name);
    for (int row = 0; row < ROWS; row++) {
        draw_label(sheet, x, y + TITLE + LINE + row * (TILE + GAP) + TILE / 2, quiet, labels[row]);
    }
    for (size_t i = 0; i < c->judge_count; i++) {
        draw_label(sheet, x, y + TITLE + LINE + ROWS * (TILE + GAP) + (int)i * LINE, quiet,
                   file_name(c->judges[i].model->path));
    }
    bool ok = true;
    for (int i = 0; ok && i < PICTURES && first + (size_t)i < c->set.count; i++) {
        ok = draw_column(c, first + (size_t)i, x + LABELS + i * (TILE + GAP), y + TITLE, sheet);
    }
    return ok;
}

bool report_sheet(const gallery *all, FILE *to) {
    size_t strips = 0;
    int tallest = 0;
    for (size_t i = 0; i < all->class_count; i++) {
        strips += strips_of(&all->classes[i]);
        tallest = strip_height(&all->classes[i]) > tallest ? strip_height(&all->classes[i]) : tallest;
    }
    int across = strips < COLUMNS ? 1 : COLUMNS, down = (int)(strips + (size_t)across - 1) / across;
    picture_canvas sheet = {MARGIN + across * (strip_width() + MARGIN), MARGIN + down * tallest, NULL};
    sheet.pixels = allocate(3 * (size_t)sheet.width, (size_t)sheet.height);
    fill_canvas(&sheet, 0, 0, sheet.width, sheet.height, ground);
    bool ok = true;
    int n = 0;
    for (size_t i = 0; i < all->class_count; i++) {
        const class *c = &all->classes[i];
        for (size_t k = 0; ok && k < strips_of(c); k++, n++) {
            ok = draw_strip(c, k * PICTURES, MARGIN + n % across * (strip_width() + MARGIN),
                            MARGIN + n / across * tallest, &sheet);
        }
    }
    ok = ok && picture_write_png(to, sheet.width, sheet.height, 3, 8, sheet.pixels);
    picture_canvas_free(&sheet);
    return ok;
}
