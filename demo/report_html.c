/* SPDX-License-Identifier: Apache-2.0 */
#include "drawing.h"
#include "program.h"
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const char page_style[]; /* page.css */

/* ---- Parts --------------------------------------------------------------------------------------------------- */

/* As content or between quotation marks. */
static void put_text(FILE *to, const char *string) {
    char *clean = clean_text(string);
    for (const char *c = clean; *c; c++) {
        switch (*c) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        default:
            fputc(*c, to);
        }
    }
    free(clean);
}

static void put_base64(FILE *to, const uint8_t *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        fputc(digits[three >> 18], to);
        fputc(digits[three >> 12 & 63], to);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', to);
        fputc(left > 2 ? digits[three & 63] : '=', to);
    }
}

/* The canvas's pixels are one channel where they are all grey: a third of the bytes. Returns the channels. */
static int pack(const picture_canvas *canvas) {
    size_t count = (size_t)canvas->width * (size_t)canvas->height;
    uint8_t *p = canvas->pixels;
    for (size_t i = 0; i < count; i++) {
        if (p[3 * i] != p[3 * i + 1] || p[3 * i] != p[3 * i + 2]) {
            return 3;
        }
    }
    for (size_t i = 0; i < count; i++) {
        p[i] = p[3 * i];
    }
    return 1;
}

/* An image that the page contains; `alt` is freed, and the canvas. */
static bool put_image(FILE *to, picture_canvas *canvas, const char *role, char *alt) {
    void *png;
    size_t size;
    int channels = pack(canvas);
    bool ok = picture_png_in_memory(canvas->width, canvas->height, channels, 8, canvas->pixels, &png, &size);
    if (ok) {
        fprintf(to, "<img class=\"%s\" width=\"%d\" height=\"%d\" alt=\"", role, canvas->width, canvas->height);
        put_text(to, alt);
        fputs("\" src=\"data:image/png;base64,", to);
        put_base64(to, png, size);
        fputs("\" />", to);
        free(png);
    }
    picture_canvas_free(canvas);
    free(alt);
    return ok;
}

/* ---- Numbers ------------------------------------------------------------------------------------------------- */

static void put_cell(FILE *to, const char *content) {
    fputs("<td class=\"number\">", to);
    put_text(to, content);
    fputs("</td>", to);
}

static void put_models(gallery *all, FILE *to) {
    fputs("<div class=\"wide\"><table id=\"models\"><thead><tr><th>model</th><th>structure</th>"
          "<th class=\"number\">open</th><th class=\"number\">bind</th><th class=\"number\">first run</th>"
          "<th class=\"number\">run</th><th class=\"number\">switch and run</th></tr></thead><tbody>\n", to);
    for (size_t i = 0; i < all->engine.model_count; i++) {
        model *m = &all->engine.models[i];
        fputs("<tr><th>", to);
        put_text(to, file_name(m->path));
        fprintf(to, "</th><td class=\"fingerprint\">%.8s</td>", m->structure->fingerprint);
        put_cell(to, text_ms(m->open_ms).s);
        put_cell(to, text_ms(m->bind_ms).s);
        put_cell(to, text_ms(m->first_ms).s);
        put_cell(to, text_ms(durations_median(&m->again)).s);
        put_cell(to, text_ms(durations_median(&m->switched)).s);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}

static void put_count(FILE *to, size_t part, size_t whole) {
    char content[64];
    snprintf(content, sizeof content, "%zu of %zu", part, whole);
    put_cell(to, content);
}

static void put_scores(const gallery *all, FILE *to) {
    fputs("<div class=\"wide\"><table id=\"scores\"><thead><tr><th>class</th><th>model</th>"
          "<th class=\"number\">good: OK</th><th class=\"number\">defect: NG</th><th class=\"number\">unsure</th>"
          "<th class=\"number\">picture AUROC</th><th class=\"number\">pixel AUROC</th></tr></thead><tbody>\n", to);
    for (size_t i = 0; i < all->class_count; i++) {
        const class *c = &all->classes[i];
        for (size_t k = 0; k < c->judge_count; k++) {
            const judge *j = &c->judges[k];
            fputs("<tr><th>", to);
            put_text(to, c->name);
            fputs("</th><td>", to);
            put_text(to, file_name(j->model->path));
            fputs("</td>", to);
            put_count(to, j->good_ok, j->good);
            put_count(to, j->defects_ng, j->defects);
            fprintf(to, "<td class=\"number\">%zu</td>", j->unsure);
            put_cell(to, text_area(j->picture_auroc).s);
            put_cell(to, text_area(j->pixel_auroc).s);
            fputs("</tr>\n", to);
        }
    }
    fputs("</tbody></table></div>\n", to);
}

/* ---- Pictures ------------------------------------------------------------------------------------------------ */

static void put_verdict(FILE *to, const sample *s, const verdict *v) {
    const char *word = verdict_word(v->decision), *wrong = mistake(s, v);
    fputs("<div class=\"verdict\">", to);
    if (word) {
        fprintf(to, "<b class=\"%s\">%s</b> ", word, word);
    }
    fprintf(to, "%s", text_score(v->score).s);
    if (*wrong) {
        fprintf(to, " <span class=\"mistake\">%s</span>", wrong);
    }
    fputs("</div>", to);
}

static bool put_judged(FILE *to, const sample *s, const judge *j, const verdict *v) {
    picture_canvas map, overlay;
    const char *name = file_name(j->model->path), *word = verdict_word(v->decision);
    if (!draw_map(v, &map)) {
        return false;
    }
    fputs("<td>", to);
    bool ok = put_image(to, &map, "map", text("Map of %s for %s %s", name, s->kind, file_name(s->path)));
    fputs("</td>\n<td>", to);
    ok = ok && draw_overlay(s, v, &overlay) &&
         put_image(to, &overlay, "overlay",
                   text("%s %s under the map of %s: %s, score %s, %zu region%s outlined", s->kind,
                        file_name(s->path), name, word ? word : "no verdict", text_score(v->score).s,
                        v->region_count, v->region_count == 1 ? "" : "s"));
    put_verdict(to, s, v);
    fputs("</td>\n", to);
    return ok;
}

static bool put_sample(FILE *to, const class *c, size_t index) {
    const sample *s = &c->set.samples[index];
    picture_canvas canvas;
    fputs("<tr><th>", to);
    put_text(to, s->kind);
    fputs("<br /><small>", to);
    put_text(to, file_name(s->path));
    fputs("</small></th>\n<td>", to);
    bool ok = draw_picture(s, &canvas) &&
              put_image(to, &canvas, "picture", text("%s, %s %s", c->name, s->kind, file_name(s->path)));
    fputs("</td>\n<td>", to);
    if (s->good) {
        fputs("<small>no defect</small>", to);
    } else {
        ok = ok && draw_mask(s, &canvas) &&
             put_image(to, &canvas, "mask", text("Ground truth of %s %s: white where the defect is, %zu pixels",
                                                 s->kind, file_name(s->path), s->marked));
    }
    fputs("</td>\n", to);
    for (size_t i = 0; ok && i < c->judge_count; i++) {
        ok = put_judged(to, s, &c->judges[i], &c->judges[i].verdicts[index]);
    }
    fputs("</tr>\n", to);
    return ok;
}

static bool put_class(FILE *to, const class *c, size_t number) {
    fprintf(to, "<section id=\"class-%zu\">\n<h2><span class=\"colour\" style=\"background:#%02x%02x%02x\"></span>",
            number, c->color.red, c->color.green, c->color.blue);
    put_text(to, c->name);
    fputs("</h2>\n<div class=\"wide\"><table class=\"pictures\"><thead><tr><th rowspan=\"2\"></th>"
          "<th rowspan=\"2\">picture</th><th rowspan=\"2\">ground truth</th>", to);
    for (size_t i = 0; i < c->judge_count; i++) {
        fputs("<th colspan=\"2\">", to);
        put_text(to, file_name(c->judges[i].model->path));
        fputs("</th>", to);
    }
    fputs("</tr>\n<tr>", to);
    for (size_t i = 0; i < c->judge_count; i++) {
        fputs("<th>map</th><th>overlay, verdict, score</th>", to);
    }
    fputs("</tr></thead><tbody>\n", to);
    bool ok = true;
    for (size_t i = 0; ok && i < c->set.count; i++) {
        ok = put_sample(to, c, i);
    }
    fputs("</tbody></table></div>\n</section>\n", to);
    return ok;
}

/* ---- The page ------------------------------------------------------------------------------------------------ */

static bool put_introduction(gallery *all, FILE *to) {
    picture_canvas scale;
    fprintf(to, "<h1>%zu models on %zu pictures</h1>\n<p>", all->engine.model_count, all->picture_count);
    for (size_t i = 0; i < all->engine.structure_count; i++) {
        const structure *s = &all->engine.structures[i];
        fprintf(to, "Structure <span class=\"fingerprint\">%.8s</span>: %zu model%s, planned once in %s. ",
                s->fingerprint, s->model_count, s->model_count == 1 ? "" : "s", text_ms(s->plan_ms).s);
    }
    fprintf(to, "All %zu runs were made in one session, in turn.</p>\n", all->run_count);
    put_models(all, to);
    fputs("<p><em>run</em> and <em>switch and run</em> are medians, of runs after the same model's and after "
          "another's.</p>\n", to);
    put_scores(all, to);
    fputs("<p>AUROC is the chance that a picture with a defect, or a pixel of one, scores above one without. "
          "These are the few pictures below; <code>demo/scores.json</code> has the figures of the large test set."
          "</p>\n<p>Maps are on one scale: 0", to);
    bool ok = draw_scale(&scale) && put_image(to, &scale, "scale",
                                              text("the colours of the maps: black, 0, over violet, red and orange "
                                                   "to pale yellow, 1"));
    fputs("1. What is at or above the threshold that a verdict is for has a line of cyan around it.</p>\n"
          "<nav>", to);
    for (size_t i = 0; i < all->class_count; i++) {
        fprintf(to, "<a href=\"#class-%zu\">", i + 1);
        put_text(to, all->classes[i].name);
        fputs("</a> ", to);
    }
    fputs("</nav>\n", to);
    return ok;
}

bool report_html(gallery *all, FILE *to) {
    errno = 0;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
          "<meta name=\"color-scheme\" content=\"light dark\" />\n<title>haya: what the demo's models see</title>\n"
          "<style>\n", to);
    fputs(page_style, to);
    fputs("</style>\n</head>\n<body>\n", to);
    bool ok = put_introduction(all, to);
    for (size_t i = 0; ok && i < all->class_count; i++) {
        ok = put_class(to, &all->classes[i], i + 1);
    }
    fputs("</body>\n</html>\n", to);
    return ok && !ferror(to);
}
