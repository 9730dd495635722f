/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes MODEL.json: any bytes as settings. What is refused has a sentence; what is read is read again, the same, from
 * what is written of it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inspection/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check(const settings *s) {
    require(s->class_count <= SETTINGS_MAX_CLASSES && s->path && s->document);
    for (size_t i = 0; i < s->class_count; i++) {
        const settings_class *c = &s->classes[i];
        require(c->name && *c->name && c->place == i + 1 && c->low <= c->high && c->sigma >= 0 && isfinite(c->high));
        require(c->score.percent > 0 && c->score.percent <= 100 && isfinite(c->score.threshold));
        require(c->map.channel >= -1 && c->map.output_index >= 0);
    }
    for (int i = 0; i < 3; i++)
        require(isfinite(s->input.mean[i]) && s->input.deviation[i] > 0);
}

/* As an object of a file, all of it said. */
static json_t *said(const settings *s) {
    json_t *object = settings_json(s);
    require(object != NULL);
    if (s->class_count == 0)
        require(json_object_del(object, "classes") == 0); /* of a file without classes */
    return object;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    settings s, again;
    haya_error error = {0};
    if (settings_parse((const char *)data, size, "fuzzed.json", &s, &error) != HAYA_OK) {
        require(error.status != HAYA_OK && strncmp(error.message, "fuzzed.json: ", 13) == 0);
        require(memchr(error.message, 0, sizeof error.message) != NULL);
        return 0;
    }
    check(&s);
    json_t *object = said(&s);
    char *text = json_dumps(object, 0);
    require(text && settings_parse(text, strlen(text), "again.json", &again, &error) == HAYA_OK);
    check(&again);
    json_t *other = said(&again);
    require(json_equal(object, other));
    json_decref(object);
    json_decref(other);
    free(text);
    settings_free(&s);
    settings_free(&again);
    return 0;
}
