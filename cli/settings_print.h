/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a model, as commands read and show them.
 */
#ifndef CLI_SETTINGS_PRINT_H
#define CLI_SETTINGS_PRINT_H

#include "inspection/settings.h"
#include "report.h"

/* Reads what --settings says, "none" being the defaults, or where `option` is NULL the file beside the model; and
   checks it against the model; `shapes`: those of the maps, too, for which a plan is made. */
exit_status read_settings(const char *option, const char *model_path, haya_model *model, bool shapes, settings *s);

void settings_print(const settings *s);
json_t *settings_report(const settings *s); /* the file, and all settings */

#endif
