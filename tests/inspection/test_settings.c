/* SPDX-License-Identifier: Apache-2.0
 *
 * MODEL.json: what is read, what is refused and how, and what is written.
 */
#define _GNU_SOURCE /* scratch.h */
#include "inspection/settings.h"

#include "../base/scratch.h"
#include "../test.h"

#include <sys/stat.h>

static haya_status parse(const char *text, settings *s, haya_error *error) {
    return settings_parse(text, strlen(text), "m.json", s, error);
}

/* Everything that a file can say, none of it the default. */
static const char complete[] =
    "{\"haya\": 1, \"comment\": \"line 4\","
    " \"input\": {\"tensor\": \"x:0\", \"mean\": [1, 2.5, 3], \"std\": [4, 5, 6], \"white\": 4095,"
    "   \"color_order\": \"bgr\", \"grayscale\": \"luma\", \"resize\": \"none\", \"comment\": \"camera 2\"},"
    " \"classes\": ["
    "  {\"name\": \"scratch\", \"color\": \"#0a0B0c\", \"map\": {\"output\": \"map/Sigmoid\", \"channel\": 3},"
    "   \"smoothing_sigma\": 1.5, \"score\": {\"type\": \"top_mean\", \"percent\": 0.1},"
    "   \"thresholds\": {\"low\": 0.25, \"high\": 0.75}},"
    "  {\"name\": \"\\u50b7\", \"map\": {\"type\": \"reconstruction_error\", \"output\": 2},"
    "   \"score\": {\"type\": \"area\", \"threshold\": 0.4}, \"thresholds\": {\"low\": 3, \"high\": 10}}]}";

static void a_file_says_all_of_it(void) {
    settings s;
    haya_error error;
    if (!CHECK_INT(parse(complete, &s, &error), HAYA_OK)) {
        return;
    }
    CHECK_STR(s.path, "m.json");
    CHECK_STR(s.input.tensor, "x:0");
    CHECK(s.input.mean[0] == 1 && s.input.mean[1] == 2.5 && s.input.mean[2] == 3);
    CHECK(s.input.deviation[0] == 4 && s.input.deviation[1] == 5 && s.input.deviation[2] == 6);
    CHECK(s.input.white == 4095 && s.input.bgr && s.input.grey == PICTURE_GREY_LUMA && !s.input.stretch);
    CHECK_INT(s.class_count, 2);
    const settings_class *a = &s.classes[0], *b = &s.classes[1];
    CHECK_STR(a->name, "scratch");
    CHECK(a->color.red == 10 && a->color.green == 11 && a->color.blue == 12);
    CHECK(a->map.type == SETTINGS_MAP_OUTPUT && a->map.channel == 3);
    CHECK_STR(a->map.output, "map/Sigmoid");
    CHECK(a->sigma == 1.5 && a->score.type == SETTINGS_SCORE_TOP_MEAN && a->score.percent == 0.1);
    CHECK(a->low == 0.25 && a->high == 0.75);
    CHECK_STR(b->name, "\xe5\x82\xb7");
    CHECK(b->map.type == SETTINGS_MAP_RECONSTRUCTION && !b->map.output && b->map.output_index == 2);
    CHECK(b->map.channel == -1 && b->sigma == 0);
    CHECK(b->score.type == SETTINGS_SCORE_AREA && b->score.threshold == 0.4 && b->low == 3 && b->high == 10);
    CHECK(b->color.red == 255 && b->color.green == 255 && b->color.blue == 0);
    settings_free(&s);
}

static void what_a_file_leaves_out_has_its_default(void) {
    settings s, none = settings_default();
    haya_error error;
    const char *texts[] = {"{\"haya\": 1}", "{\"haya\": 1, \"input\": {}}", "\xef\xbb\xbf{\"haya\":1}"};
    for (size_t i = 0; i < 3; i++) {
        if (CHECK_INT(parse(texts[i], &s, &error), HAYA_OK)) {
            CHECK(memcmp(s.input.mean, none.input.mean, sizeof s.input.mean) == 0 && s.input.mean[0] == 127.5);
            CHECK(s.input.deviation[2] == 127.5 && s.input.white == 0 && !s.input.bgr && s.input.stretch);
            CHECK(!s.input.tensor && s.input.grey == PICTURE_GREY_MEAN && s.class_count == 0);
            settings_free(&s);
        }
    }
    const char *scaled = "{\"haya\":1,\"input\":{\"mean\":0,\"std\":255},\"classes\":[{\"name\":\"a\"}]}";
    if (CHECK_INT(parse(scaled, &s, &error), HAYA_OK)) {
        const settings_class *c = &s.classes[0];
        CHECK(s.input.mean[0] == 0 && s.input.mean[2] == 0 && s.input.deviation[1] == 255);
        CHECK(c->map.type == SETTINGS_MAP_OUTPUT && !c->map.output && c->map.output_index == 0);
        CHECK(c->map.channel == -1 && c->sigma == 0 && c->score.type == SETTINGS_SCORE_MAX);
        CHECK(c->low == 0.5 && c->high == 0.5 && c->color.red == 255 && c->color.green == 0);
        settings_free(&s);
    }
    if (CHECK_INT(parse("{\"haya\":1,\"classes\":[{\"name\":\"a\",\"thresholds\":{\"high\":0.9}}]}", &s, &error),
                  HAYA_OK)) {
        CHECK(s.classes[0].low == 0.9);
        settings_free(&s);
    }
}

/* ---- Refusals ------------------------------------------------------------------------------------------------ */

typedef struct wrong {
    const char *text, *says;
} wrong;

static void refuse_all(const wrong *cases, size_t count, const char *format) {
    for (size_t i = 0; i < count; i++) {
        char text[1024];
        snprintf(text, sizeof text, format, cases[i].text);
        settings s;
        haya_error error;
        if (CHECK_INT(parse(text, &s, &error), HAYA_ERROR_FORMAT)) {
            CHECK(strncmp(error.message, "m.json: ", 8) == 0);
            CHECK_HAS(error.message, cases[i].says);
            CHECK(!s.classes && !s.path && !s.document);
        } else {
            printf("    %s\n", text);
        }
        CHECK_INT(parse(text, &s, NULL), HAYA_ERROR_FORMAT);
    }
}

static void the_whole_is_checked(void) {
    static const wrong cases[] = {
        {"", "line"},
        {"{", "line 1"},
        {"[]", "it is an array, not an object"},
        {"1", "line 1"},
        {"{\"haya\": 1} x", "line 1"},
        {"{\"haya\": 1,\n\"haya\": 1}", "line 2, column 6: duplicate object key"},
        {"{\"haya\": 1, \"input\": {\"mean\": NaN}}", "column 33: invalid token near 'NaN'"},
        {"{\"haya\": 1, \"input\": {\"mean\": 1e400}}", "real number overflow"},
        {"{\"haya\": 1, \"comment\": \"\xff\"}", "unable to decode byte 0xff"},
        {"{}", "key 'haya' is missing"},
        {"{\"class_name\": \"Functional\", \"config\": {}}", "key 'haya' is missing"},
        {"{\"haya\": \"1\"}", "key 'haya' is a string"},
        {"{\"haya\": 1.0}", "key 'haya' is a number, not the version"},
        {"{\"haya\": 2, \"maps\": 1}", "key 'haya' is 2, and only version 1 is known"},
        {"{\"haya\": 1, \"class\": []}", "key 'class' is not known; known here are 'haya', 'input', 'classes'"},
        {"{\"haya\": 1, \"comment\": 1}", "key 'comment' is a number, not a string"},
        {"{\"haya\": 1, \"input\": null}", "key 'input' is null, not an object"},
        {"{\"haya\": 1, \"classes\": {}}", "key 'classes' is an object, not an array"},
        {"{\"haya\": 1, \"classes\": []}", "key 'classes' has 0 classes"},
        {"{\"haya\": 1, \"classes\": [1]}", "key 'classes[0]' is a number, not an object"},
    };
    refuse_all(cases, sizeof cases / sizeof cases[0], "%s");
}

static void the_input_is_checked(void) {
    static const wrong cases[] = {
        {"\"Mean\": 1", "key 'input.Mean' is not known"},
        {"\"tensor\": 0", "key 'input.tensor' is a number, not a string"},
        {"\"tensor\": \"\"", "key 'input.tensor' is empty"},
        {"\"tensor\": \"a\\u0007\"", "key 'input.tensor' has a control character"},
        {"\"mean\": \"0\"", "key 'input.mean' is a string, not a number"},
        {"\"mean\": 1e31", "key 'input.mean' is 1e+31, not a number of at least -1e+30"},
        {"\"mean\": [1, 2]", "key 'input.mean' has 2 numbers, not 3"},
        {"\"mean\": [1, 2, true]", "key 'input.mean[2]' is true, not a number"},
        {"\"std\": 0", "key 'input.std' is 0, not a number above 0"},
        {"\"std\": [1, 0, 1]", "key 'input.std[1]' is 0, not a number above 0"},
        {"\"white\": -1", "key 'input.white' is -1, not a number above 0"},
        {"\"color_order\": \"RGB\"", "key 'input.color_order' is 'RGB', not 'rgb' or 'bgr'"},
        {"\"grayscale\": 1", "key 'input.grayscale' is a number, not a string"},
        {"\"grayscale\": \"\"", "key 'input.grayscale' is '', not 'mean' or 'luma'"},
        {"\"resize\": \"crop\"", "key 'input.resize' is 'crop', not 'stretch' or 'none'"},
        {"\"comment\": []", "key 'input.comment' is an array, not a string"},
    };
    refuse_all(cases, sizeof cases / sizeof cases[0], "{\"haya\": 1, \"input\": {%s}}");
}

static void classes_are_checked(void) {
    static const wrong cases[] = {
        {"", "key 'classes[1].name' is missing"},
        {"\"name\": 2", "key 'classes[1].name' is a number, not a string"},
        {"\"name\": \"\"", "key 'classes[1].name' is empty"},
        {"\"name\": \"a\\nb\"", "key 'classes[1].name' has a control character"},
        {"\"name\": \"a\"", "key 'classes[1].name' is 'a', which classes[0] is called, too"},
        {"\"name\": \"b\", \"colour\": \"#000000\"", "key 'classes[1].colour' is not known"},
        {"\"name\": \"b\", \"color\": \"red\"", "key 'classes[1].color' is 'red', not a color like \"#FF0000\""},
        {"\"name\": \"b\", \"color\": \"#FF00\"", "key 'classes[1].color' is '#FF00'"},
        {"\"name\": \"b\", \"color\": \"#FF00 1\"", "key 'classes[1].color' is '#FF00 1'"},
        {"\"name\": \"b\", \"color\": \"#FF00000\"", "key 'classes[1].color' is '#FF00000'"},
        {"\"name\": \"b\", \"color\": 255", "key 'classes[1].color' is a number, not a string"},
        {"\"name\": \"b\", \"map\": 0", "key 'classes[1].map' is a number, not an object"},
        {"\"name\": \"b\", \"map\": {\"k\": 0}", "key 'classes[1].map.k' is not known"},
        {"\"name\": \"b\", \"map\": {\"type\": \"diff\"}", "key 'classes[1].map.type' is 'diff', not 'output' or "
                                                           "'reconstruction_error'"},
        {"\"name\": \"b\", \"map\": {\"output\": 1.5}", "key 'classes[1].map.output' is a fraction"},
        {"\"name\": \"b\", \"map\": {\"output\": null}", "key 'classes[1].map.output' is null"},
        {"\"name\": \"b\", \"map\": {\"output\": -1}", "key 'classes[1].map.output' is -1"},
        {"\"name\": \"b\", \"map\": {\"output\": \"\"}", "key 'classes[1].map.output' is empty"},
        {"\"name\": \"b\", \"map\": {\"channel\": \"0\"}", "key 'classes[1].map.channel' is a string"},
        {"\"name\": \"b\", \"map\": {\"channel\": 0.5}", "key 'classes[1].map.channel' is a fraction"},
        {"\"name\": \"b\", \"map\": {\"channel\": 4096}",
         "key 'classes[1].map.channel' is 4096, not a number from 0"},
        {"\"name\": \"b\", \"smoothing_sigma\": -1",
         "key 'classes[1].smoothing_sigma' is -1, not a number of at least 0"},
        {"\"name\": \"b\", \"smoothing_sigma\": 257", "key 'classes[1].smoothing_sigma' is 257"},
        {"\"name\": \"b\", \"score\": \"max\"", "key 'classes[1].score' is a string, not an object"},
        {"\"name\": \"b\", \"score\": {\"type\": \"min\"}", "key 'classes[1].score.type' is 'min', not 'max' or "},
        {"\"name\": \"b\", \"score\": {\"percent\": 1}",
         "key 'classes[1].score.percent' belongs to a score of type 'top"},
        {"\"name\": \"b\", \"score\": {\"type\": \"top_mean\", \"percent\": 0}",
         "key 'classes[1].score.percent' is 0"},
        {"\"name\": \"b\", \"score\": {\"type\": \"top_mean\", \"percent\": 101}",
         "key 'classes[1].score.percent' is 101"},
        {"\"name\": \"b\", \"score\": {\"type\": \"top_mean\", \"threshold\": 1}",
         "key 'classes[1].score.threshold' bel"},
        {"\"name\": \"b\", \"score\": {\"type\": \"area\", \"threshold\": []}",
         "key 'classes[1].score.threshold' is an a"},
        {"\"name\": \"b\", \"thresholds\": [0, 1]", "key 'classes[1].thresholds' is an array, not an object"},
        {"\"name\": \"b\", \"thresholds\": {\"ng\": 1}", "key 'classes[1].thresholds.ng' is not known"},
        {"\"name\": \"b\", \"thresholds\": {\"high\": null}",
         "key 'classes[1].thresholds.high' is null, not a number"},
        {"\"name\": \"b\", \"thresholds\": {\"low\": \"a\"}", "key 'classes[1].thresholds.low' is a string"},
        {"\"name\": \"b\", \"thresholds\": {\"low\": 0.9, \"high\": 0.3}",
         "key 'classes[1].thresholds.low' is 0.9, above 'high', which is 0.3"},
        {"\"name\": \"b\", \"thresholds\": {\"low\": 0.7}",
         "key 'classes[1].thresholds.low' is 0.7, above 'high', which"},
    };
    refuse_all(cases, sizeof cases / sizeof cases[0],
               "{\"haya\": 1, \"classes\": [{\"name\": \"a\"}, {%s}]}");
}

static void a_name_has_a_limit(void) {
    char text[512];
    settings s;
    haya_error error;
    for (int length = 128; length <= 129; length++) {
        snprintf(text, sizeof text, "{\"haya\": 1, \"classes\": [{\"name\": \"%0*d\"}]}", length, 0);
        bool ok = parse(text, &s, &error) == HAYA_OK;
        CHECK(ok == (length == 128));
        if (ok) {
            settings_free(&s);
        } else {
            CHECK_HAS(error.message, "key 'classes[0].name' is longer than 128 characters");
        }
    }
}

static void too_many_classes_are_refused(void) {
    size_t size = 40 * 300, used;
    char *text = malloc(size);
    used = (size_t)sprintf(text, "{\"haya\": 1, \"classes\": [");
    for (int i = 0; i < 257; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s{\"name\": \"%d\"}", i > 0 ? "," : "", i);
    }
    snprintf(text + used, size - used, "]}");
    settings s;
    haya_error error;
    CHECK_INT(parse(text, &s, &error), HAYA_ERROR_FORMAT);
    CHECK_HAS(error.message, "key 'classes' has 257 classes, not 1 to 256");
    free(text);
}

/* ---- Damage -------------------------------------------------------------------------------------------------- */

/* From memory of exactly the size, so that the address sanitizer sees what goes beyond it. */
static haya_status parse_copy(const char *text, size_t size, settings *s, haya_error *error) {
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    haya_status status = settings_parse(copy, size, "m.json", s, error);
    free(copy);
    return status;
}

static void what_is_cut_off_is_refused(void) {
    settings s;
    haya_error error;
    for (size_t size = 0; size + 1 < sizeof complete; size++) {
        if (!CHECK_INT(parse_copy(complete, size, &s, &error), HAYA_ERROR_FORMAT)) {
            settings_free(&s);
        }
        CHECK_HAS(error.message, "m.json: line 1, column");
    }
}

static void what_is_changed_is_refused_or_valid(void) {
    char text[sizeof complete];
    settings s;
    haya_error error;
    size_t refused = 0;
    for (size_t at = 0; at + 1 < sizeof complete; at++) {
        static const unsigned char flips[] = {1, 2, 4, 8, 16, 32, 64, 128, 255};
        for (size_t k = 0; k < sizeof flips; k++) {
            memcpy(text, complete, sizeof text);
            text[at] = (char)(text[at] ^ flips[k]);
            error.message[0] = '\0';
            if (parse_copy(text, sizeof text - 1, &s, &error) == HAYA_OK) {
                settings_free(&s);
            } else {
                CHECK(strncmp(error.message, "m.json: ", 8) == 0 && strlen(error.message) > 16);
                refused++;
            }
        }
    }
    CHECK(refused > sizeof complete);
}

static void deep_nesting_is_refused(void) {
    static char text[100000];
    memset(text, '[', sizeof text);
    settings s;
    haya_error error;
    CHECK_INT(parse_copy(text, sizeof text, &s, &error), HAYA_ERROR_FORMAT);
    CHECK_HAS(error.message, "maximum parsing depth");
}

/* ---- Files --------------------------------------------------------------------------------------------------- */

static void put(const char *path, const char *text) {
    FILE *to = fopen(path, "wb");
    fputs(text, to);
    fclose(to);
}

static char *get(const char *path) {
    static char text[8192];
    FILE *from = fopen(path, "rb");
    size_t size = from ? fread(text, 1, sizeof text - 1, from) : 0;
    text[size] = '\0';
    if (from) {
        fclose(from);
    }
    return text;
}

static void settings_lie_beside_their_model(void) {
    static const char *const pairs[][2] = {{"dir/class1.pb", "dir/class1.json"}, {"a.pb", "a.json"},
                                           {"a.b.pb", "a.b.json"},               {"model", "model.json"},
                                           {"model.v2", "model.v2.json"},        {"d.pb/model", "d.pb/model.json"},
                                           {".pb", ".pb.json"},                  {"dir/.pb", "dir/.pb.json"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *path = settings_path_beside(pairs[i][0]);
        CHECK_STR(path, pairs[i][1]);
        free(path);
    }
}

static void a_missing_file_is_the_defaults_only_beside_a_model(void) {
    settings s;
    haya_error error;
    CHECK_INT(settings_read_beside(scratch_path("none.pb"), &s, &error), HAYA_OK);
    CHECK(!s.path && s.class_count == 0 && s.input.mean[0] == 127.5 && s.input.stretch);
    settings_free(&s);
    CHECK_INT(settings_read(scratch_path("none.json"), &s, &error), HAYA_ERROR_IO);
    CHECK_HAS(error.message, "none.json cannot be opened: No such file");
    put(scratch_path("bad.json"), "{\"haya\": 3}");
    CHECK_INT(settings_read_beside(scratch_path("bad.pb"), &s, &error), HAYA_ERROR_FORMAT);
    CHECK_HAS(error.message, "bad.json: key 'haya' is 3");
    CHECK_INT(settings_read(scratch_directory, &s, &error), HAYA_ERROR_IO);
    CHECK_HAS(error.message, "Is a directory");
}

static void a_file_has_a_limit(void) {
    const char *path = scratch_path("large.json");
    settings s;
    haya_error error;
    for (int more = 0; more < 2; more++) {
        FILE *to = fopen(path, "wb");
        fprintf(to, "{\"haya\": 1}%*s", SETTINGS_MAX_BYTES - 11 + more, "");
        fclose(to);
        CHECK_INT(settings_read(path, &s, &error), more ? HAYA_ERROR_LIMIT : HAYA_OK);
        if (!more) {
            settings_free(&s);
        }
    }
    CHECK_HAS(error.message, "large.json: it is larger than 1048576 bytes");
}

/* ---- Writing ------------------------------------------------------------------------------------------------- */

static bool same_json(const char *a, const char *b) {
    json_t *left = json_loads(a, 0, NULL), *right = json_loads(b, 0, NULL);
    bool same = left && json_equal(left, right);
    json_decref(left);
    json_decref(right);
    return same;
}

static void what_was_read_is_written_again(void) {
    static const char *const texts[] = {
        complete,
        "{\"haya\": 1}",
        "{\"classes\": [{\"name\": \"a\", \"thresholds\": {\"high\": 0.1}}], \"haya\": 1}",
        "{\"haya\": 1, \"input\": {\"mean\": [7, 7, 7], \"resize\": \"stretch\"}}",
        "{\"haya\": 1, \"classes\": [{\"name\": \"a\", \"map\": {\"channel\": 0, \"type\": \"output\"}}]}",
        "{\"haya\": 1, \"classes\": [{\"name\": \"a\", \"score\": {}, \"comment\": \"b\"}]}",
        "{\"haya\": 1, \"input\": {\"mean\": 0.12345678901234567, \"std\": 123.675}}"};
    const char *path = scratch_path("again.json");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        settings s;
        haya_error error;
        if (!CHECK_INT(parse(texts[i], &s, &error), HAYA_OK)) {
            continue;
        }
        CHECK_INT(settings_write(&s, path, &error), HAYA_OK);
        if (!CHECK(same_json(texts[i], get(path)))) {
            printf("    %s\n    %s\n", texts[i], get(path));
        }
        settings_free(&s);
    }
}

static void what_was_changed_is_written_and_nothing_else(void) {
    static const char before[] = "{\n  \"haya\": 1,\n  \"comment\": \"kept\",\n  \"classes\": [\n    {\n"
                                 "      \"thresholds\": {\n        \"high\": 0.6,\n        \"low\": 0.3\n      },\n"
                                 "      \"name\": \"a\"\n    },\n    {\n      \"name\": \"b\"\n    }\n  ]\n}\n";
    static const char after[] = "{\n  \"haya\": 1,\n  \"comment\": \"kept\",\n  \"classes\": [\n    {\n"
                                "      \"thresholds\": {\n        \"high\": 0.65,\n        \"low\": 0.3\n      },\n"
                                "      \"name\": \"a\"\n    },\n    {\n      \"name\": \"b\",\n"
                                "      \"smoothing_sigma\": 2.0,\n      \"score\": {\n"
                                "        \"type\": \"top_mean\",\n        \"percent\": 1.0\n      }\n    }\n  ],\n"
                                "  \"input\": {\n"
                                "    \"color_order\": \"bgr\"\n  }\n}\n";
    const char *path = scratch_path("changed.json");
    settings s;
    haya_error error;
    put(path, before);
    if (!CHECK_INT(settings_read(path, &s, &error), HAYA_OK)) {
        return;
    }
    CHECK_INT(settings_write(&s, path, &error), HAYA_OK);
    CHECK_STR(get(path), before);
    s.classes[0].high = 0.65;
    s.classes[1].sigma = 2;
    s.classes[1].score.type = SETTINGS_SCORE_TOP_MEAN;
    s.input.bgr = true;
    CHECK_INT(settings_write(&s, path, &error), HAYA_OK);
    CHECK_STR(get(path), after);
    settings_free(&s);
}

static void a_class_keeps_what_it_has_when_it_is_called_otherwise(void) {
    static const char before[] = "{\"haya\": 1, \"classes\": [{\"name\": \"a\", \"comment\": \"of a\"}, "
                                 "{\"name\": \"b\", \"comment\": \"of b\", \"color\": \"#0a0B0c\"}]}";
    static const char after[] = "{\"haya\": 1, \"classes\": [{\"name\": \"b\", \"comment\": \"of a\"}, "
                                "{\"name\": \"a\", \"comment\": \"of b\", \"color\": \"#0a0B0c\"}]}";
    const char *path = scratch_path("renamed.json");
    struct stat info;
    settings s;
    haya_error error;
    put(path, before);
    CHECK(chmod(path, 0640) == 0);
    if (!CHECK_INT(settings_read(path, &s, &error), HAYA_OK)) {
        return;
    }
    char *name = s.classes[0].name;
    s.classes[0].name = s.classes[1].name;
    s.classes[1].name = name;
    CHECK_INT(settings_write(&s, path, &error), HAYA_OK);
    CHECK(same_json(after, get(path)));
    CHECK(stat(path, &info) == 0 && (info.st_mode & 0777) == 0640);
    settings_free(&s);
}

static void everything_can_be_written_without_a_file_before(void) {
    const char *path = scratch_path("new.json");
    settings s, again;
    haya_error error;
    if (!CHECK_INT(parse(complete, &s, &error), HAYA_OK)) {
        return;
    }
    json_decref(s.document);
    s.document = NULL;
    CHECK_INT(settings_write(&s, path, &error), HAYA_OK);
    if (CHECK_INT(settings_read(path, &again, &error), HAYA_OK)) {
        json_t *one = settings_json(&s), *other = settings_json(&again);
        CHECK(one && json_equal(one, other));
        json_decref(one);
        json_decref(other);
        settings_free(&again);
    } else {
        printf("    %s\n%s\n", error.message, get(path));
    }
    settings_free(&s);
}

static void what_cannot_be_read_is_not_written(void) {
    const char *path = scratch_path("kept.json");
    settings s;
    haya_error error;
    put(path, "{\"haya\": 1, \"classes\": [{\"name\": \"a\"}]}");
    if (!CHECK_INT(settings_read(path, &s, &error), HAYA_OK)) {
        return;
    }
    s.classes[0].low = 7;
    CHECK_INT(settings_write(&s, path, &error), HAYA_ERROR_FORMAT);
    CHECK_HAS(error.message, "key 'classes[0].thresholds.low' is 7, above 'high'");
    CHECK_STR(get(path), "{\"haya\": 1, \"classes\": [{\"name\": \"a\"}]}");
    s.classes[0].low = 0;
    CHECK_INT(settings_write(&s, scratch_path("no/such/folder.json"), &error), HAYA_ERROR_IO);
    CHECK_HAS(error.message, "folder.json cannot be written: No such file");
    settings_free(&s);
}

int main(void) {
    scratch_create();
    RUN(a_file_says_all_of_it);
    RUN(what_a_file_leaves_out_has_its_default);
    RUN(the_whole_is_checked);
    RUN(the_input_is_checked);
    RUN(classes_are_checked);
    RUN(a_name_has_a_limit);
    RUN(too_many_classes_are_refused);
    RUN(what_is_cut_off_is_refused);
    RUN(what_is_changed_is_refused_or_valid);
    RUN(deep_nesting_is_refused);
    RUN(settings_lie_beside_their_model);
    RUN(a_missing_file_is_the_defaults_only_beside_a_model);
    RUN(a_file_has_a_limit);
    RUN(what_was_read_is_written_again);
    RUN(what_was_changed_is_written_and_nothing_else);
    RUN(a_class_keeps_what_it_has_when_it_is_called_otherwise);
    RUN(everything_can_be_written_without_a_file_before);
    RUN(what_cannot_be_read_is_not_written);
    return test_summary();
}
