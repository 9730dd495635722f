/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for people: shapes, units, aligned tables, progress; and the JSON values that commands share.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "report.h"

#include <stdio.h>

typedef struct label {
    char s[128];
} label;

label text_shape(const haya_shape *shape);  /* "[?,256,256,1]"; "?" where the rank is unknown */
label text_bytes(uint64_t bytes);           /* "138.0 MB", powers of 1000 */
label text_count(uint64_t count);           /* "34,512,193" */
label text_flops(uint64_t flops);           /* "96.2 GFLOP" */
label text_ms(double ms);                   /* "183.4 ms" */

/* Writes names and messages that may come from a hostile file: control characters become '?'. */
void print_text(FILE *to, const char *string);

/* A table fills row by row and prints itself with its columns aligned. */
typedef struct table {
    size_t columns;
    unsigned right;   /* bit i: column i is aligned to the right */
    char **cells;
    size_t count;
    size_t capacity;
} table;

void table_cell(table *t, const char *format, ...) PRINTF_LIKE(2, 3);
void table_print(table *t, FILE *to); /* and frees it */

/* Words separated by ", ", on lines of 80 columns that begin with `indent` spaces. Starts with {indent}. */
typedef struct word_list {
    int indent;
    int column;
} word_list;

void print_word(word_list *list, FILE *to, const char *word);
void end_words(word_list *list, FILE *to);

/* One line on a terminal's stderr that the next call replaces; nothing where stderr is no terminal. */
void progress(const char *format, ...) PRINTF_LIKE(1, 2);
void progress_clear(void);

json_t *json_text(const char *string);          /* bytes that are not UTF-8 become '?' */
json_t *json_shape(const haya_shape *shape);    /* open dimensions null; null where the rank is unknown */
json_t *json_ms(double ms);
json_t *json_number_or_null(double number);     /* null where not finite */
json_t *json_value(const haya_value *value);    /* {"name", "dtype", "shape"} */

#endif
