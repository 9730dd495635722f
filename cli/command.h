/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands. Each has its arguments, returns the exit status, and has reported what failed.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "arguments.h"

extern const char run_help[], inspect_help[], compare_help[], bench_help[], view_help[];

exit_status run_command(arguments *arguments);
exit_status inspect_command(arguments *arguments);
exit_status compare_command(arguments *arguments);
exit_status bench_command(arguments *arguments);
exit_status view_command(arguments *arguments); /* where it is built */

#endif
