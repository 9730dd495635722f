/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/names.h"

#include <string.h>

#define MIN_SLOTS 16

/* With a table half empty and a hash that spreads, a run of this length does not happen by chance. */
#define MAX_PROBES 1024

typedef struct hy_names_slot {
    const char *name; /* NULL: free */
    uint32_t index;
    uint32_t hash;
} hy_names_slot;

static uint32_t hash_name(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return (uint32_t)(hash ^ hash >> 32); /* its high bits are the better ones */
}

void hy_names_init(hy_names *names, const haya_host *resolved_host) {
    *names = (hy_names){.host = *resolved_host};
}

void hy_names_free(hy_names *names) {
    hy_free(&names->host, names->slots, names->allocated * sizeof *names->slots);
    names->slots = NULL;
    names->allocated = 0;
}

bool hy_names_reset(hy_names *names, size_t count) {
    if (count > SIZE_MAX / 4 / sizeof *names->slots)
        return false;
    size_t slots = MIN_SLOTS;
    while (slots < 2 * count)
        slots *= 2;
    if (slots > names->allocated) {
        hy_names_free(names);
        names->slots = hy_alloc(&names->host, slots * sizeof *names->slots);
        if (!names->slots)
            return false;
        names->allocated = slots;
    }
    memset(names->slots, 0, slots * sizeof *names->slots);
    names->mask = slots - 1;
    names->free = slots / 2;
    return true;
}

/* The slot that has `name` or would take it; NULL when there is none within MAX_PROBES. */
static hy_names_slot *probe(const hy_names *names, const char *name, uint32_t hash) {
    for (size_t i = 0; i < MAX_PROBES; i++) {
        hy_names_slot *slot = &names->slots[(hash + i) & names->mask];
        if (!slot->name || (slot->hash == hash && strcmp(slot->name, name) == 0))
            return slot;
    }
    return NULL;
}

hy_names_result hy_names_add(hy_names *names, const char *name, size_t *index) {
    uint32_t hash = hash_name(name);
    hy_names_slot *slot = probe(names, name, hash);
    if (slot && slot->name) {
        *index = slot->index;
        return HY_NAMES_FOUND;
    }
    if (!slot || names->free == 0)
        return HY_NAMES_REFUSED;
    *slot = (hy_names_slot){name, (uint32_t)*index, hash};
    names->free--;
    return HY_NAMES_ADDED;
}

bool hy_names_find(const hy_names *names, const char *name, size_t *index) {
    hy_names_slot *slot = probe(names, name, hash_name(name));
    if (!slot || !slot->name)
        return false;
    *index = slot->index;
    return true;
}
