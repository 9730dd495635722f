/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept while there is room; what was used the longest ago makes room. Items in use live until they are
 * let go.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct cache {
    pthread_mutex_t lock;
    cached *buckets[BUCKETS];
    cached *newest, *oldest;
    size_t count;
    uint64_t bytes, limit;
};

cache *cache_create(uint64_t limit) {
    cache *c = calloc(1, sizeof *c);
    if (c) {
        pthread_mutex_init(&c->lock, NULL);
        c->limit = limit;
    }
    return c;
}

static cached **find(cache *c, const char *key) {
    uint32_t hash = 2166136261u;
    for (const char *at = key; *at; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    }
    cached **at = &c->buckets[hash % BUCKETS];
    while (*at && strcmp((*at)->key, key) != 0) {
        at = &(*at)->next_in_bucket;
    }
    return at;
}

static void unlink_item(cache *c, cached *item) {
    *(item->newer ? &item->newer->older : &c->newest) = item->older;
    *(item->older ? &item->older->newer : &c->oldest) = item->newer;
    item->newer = item->older = NULL;
}

static void link_newest(cache *c, cached *item) {
    item->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = item;
    c->newest = item;
}

static void let_go(cached *item) {
    if (--item->users == 0) {
        item->release(item);
    }
}

static void drop(cache *c, cached **at) {
    cached *item = *at;
    *at = item->next_in_bucket;
    unlink_item(c, item);
    c->bytes -= item->bytes;
    c->count--;
    let_go(item);
}

void cache_put(cache *c, cached *item) {
    pthread_mutex_lock(&c->lock);
    cached **at = find(c, item->key);
    if (*at) {
        drop(c, at);
    }
    while (c->oldest && c->bytes + item->bytes > c->limit) {
        drop(c, find(c, c->oldest->key));
    }
    item->users = 1;
    if (item->bytes <= c->limit) {
        at = find(c, item->key);
        item->users++;
        item->next_in_bucket = *at;
        *at = item;
        link_newest(c, item);
        c->bytes += item->bytes;
        c->count++;
    }
    pthread_mutex_unlock(&c->lock);
}

cached *cache_get(cache *c, const char *key) {
    pthread_mutex_lock(&c->lock);
    cached *item = *find(c, key);
    if (item) {
        item->users++;
        unlink_item(c, item);
        link_newest(c, item);
    }
    pthread_mutex_unlock(&c->lock);
    return item;
}

void cache_done(cache *c, cached *item) {
    if (item) {
        pthread_mutex_lock(&c->lock);
        let_go(item);
        pthread_mutex_unlock(&c->lock);
    }
}

cache_use cache_usage(cache *c) {
    pthread_mutex_lock(&c->lock);
    cache_use use = {c->count, c->bytes, c->limit};
    pthread_mutex_unlock(&c->lock);
    return use;
}

void cache_free(cache *c) {
    if (!c) {
        return;
    }
    while (c->oldest) {
        drop(c, find(c, c->oldest->key));
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
}
