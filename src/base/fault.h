/* SPDX-License-Identifier: Apache-2.0
 *
 * The mappings in use, as a signal handler can look them up: no locks, nothing freed. hy_file_patch_fault of file.h
 * is implemented beside.
 */
#ifndef HAYA_BASE_FAULT_H
#define HAYA_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct hy_fault_entry hy_fault_entry;

/* Of whole pages. NULL when out of memory. */
hy_fault_entry *hy_fault_register(const void *start, size_t bytes);
/* Before the mapping is undone: afterwards its addresses may be another's. */
void hy_fault_unregister(hy_fault_entry *entry);
/* Whether a fault in the mapping was patched. */
bool hy_fault_happened(const hy_fault_entry *entry);

#endif
