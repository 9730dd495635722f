/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of names with an index below 2^32 for each, to find duplicates while reading.
 */
#ifndef HAYA_READER_NAMES_H
#define HAYA_READER_NAMES_H

#include "base/memory.h"

typedef struct hy_names {
    haya_host host;              /* resolved */
    struct hy_names_slot *slots; /* open addressing, linear probing, at most half full */
    size_t allocated;            /* slots */
    size_t mask;                 /* slots in use by the present set - 1 */
    size_t free;                 /* names that can still be added */
} hy_names;

typedef enum hy_names_result {
    HY_NAMES_ADDED,
    HY_NAMES_FOUND,
    HY_NAMES_REFUSED /* see hy_names_add */
} hy_names_result;

void hy_names_init(hy_names *names, const haya_host *resolved_host);
void hy_names_free(hy_names *names);

/* Empties the set and makes room for `count` names; false when out of memory. */
bool hy_names_reset(hy_names *names, size_t count);

/* Adds `name`, which must live as long as the set, with *index; or finds it and sets *index to the one it was added
   with. HY_NAMES_REFUSED: more names than there is room for, or so many that share a hash that they must have been
   made to: looking further would take time quadratic in their number. */
hy_names_result hy_names_add(hy_names *names, const char *name, size_t *index);

/* False when it was not added. */
bool hy_names_find(const hy_names *names, const char *name, size_t *index);

#endif
