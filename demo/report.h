/* SPDX-License-Identifier: Apache-2.0
 *
 * The results: for a terminal, for programs, for a browser, and as one picture.
 */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include "gallery.h"

#include <stdio.h>

/* False: writing failed, for which errno says why, or memory was short. */
bool report_text(gallery *all, FILE *to);
bool report_json(gallery *all, FILE *to);
bool report_html(gallery *all, FILE *to); /* one file, pictures included; it is well-formed XML, too */
bool report_sheet(const gallery *all, FILE *to); /* a PNG */

/* What a verdict is against the truth: "", "missed" or "false alarm". */
const char *mistake(const sample *s, const verdict *v);

#endif
