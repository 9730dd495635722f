/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files that read, check and write settings share.
 */
#ifndef HAYA_INSPECTION_SETTINGS_PARTS_H
#define HAYA_INSPECTION_SETTINGS_PARTS_H

#include "settings.h"

/* Of the class at this place: what it has where the file says nothing. */
settings_class settings_default_class(size_t index);
picture_rgb settings_default_color(size_t index);

/* A copy to be freed; NULL: no memory, or NULL was given. */
char *settings_copy(const char *string);

#endif
