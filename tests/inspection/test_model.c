/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings and the models they lie beside: the demo's.
 */
#include "inspection/settings.h"

#include "../test.h"

#include <pthread.h>
#include <stdlib.h>

#define MODELS HAYA_SOURCE_ROOT "/demo/models/"

static haya_model *open_model(const char *name) {
    haya_model *model = NULL;
    haya_error error;
    if (!CHECK_INT(haya_model_open(name, NULL, &model, &error), HAYA_OK)) {
        printf("    %s\n", error.message);
        exit(test_summary() + 1);
    }
    return model;
}

static bool parse(const char *text, settings *s) {
    haya_error error;
    return CHECK_INT(settings_parse(text, strlen(text), "m.json", s, &error), HAYA_OK);
}

static void the_demos_settings_fit_its_models(void) {
    static const char *const names[] = {"fabric", "metal", "wood", "leather", "grid", "brick"};
    for (int i = 0; i < 7; i++) {
        char path[512];
        snprintf(path, sizeof path, i < 6 ? MODELS "class%d.pb" : MODELS "all.pb", i + 1);
        haya_model *model = open_model(path);
        settings s;
        haya_error error;
        if (CHECK_INT(settings_read_beside(path, &s, &error), HAYA_OK)) {
            CHECK_INT(settings_check_model(&s, model, &error), HAYA_OK);
            CHECK_INT(settings_check_shapes(&s, model, &error), HAYA_OK);
            CHECK_INT(s.class_count, i < 6 ? 1 : 6);
            CHECK_STR(s.input.feed, "input_1");
            for (size_t k = 0; k < s.class_count; k++) {
                CHECK_STR(s.classes[k].name, names[i < 6 ? (size_t)i : k]);
                CHECK_STR(s.classes[k].map.fetch, "map/Sigmoid");
                CHECK(0 < s.classes[k].low && s.classes[k].low <= s.classes[k].high && s.classes[k].high < 1);
            }
            settings_free(&s);
        } else {
            printf("    %s\n", error.message);
        }
        haya_model_close(model);
    }
}

static void what_the_model_lacks_is_refused_by_its_key(void) {
    static const struct {
        const char *text, *says;
        haya_status status;
    } cases[] = {
        {"{\"haya\":1,\"input\":{\"tensor\":\"input\"}}",
         "key 'input.tensor' is 'input', which", HAYA_ERROR_NOT_FOUND},
        {"{\"haya\":1,\"classes\":[{\"name\":\"a\",\"map\":{\"output\":\"map\"}}]}",
         "key 'classes[0].map.output' is 'map', which", HAYA_ERROR_NOT_FOUND},
        {"{\"haya\":1,\"classes\":[{\"name\":\"a\",\"map\":{\"output\":\"map/Sigmoid:1\"}}]}",
         "key 'classes[0].map.output' is 'map/Sigmoid:1', which", HAYA_ERROR_NOT_FOUND},
        {"{\"haya\":1,\"classes\":[{\"name\":\"a\",\"map\":{\"output\":1}}]}",
         "key 'classes[0].map.output' is 1, and " MODELS "all.pb has 1 output, counted from 0",
         HAYA_ERROR_NOT_FOUND},
        {"{\"haya\":1,\"classes\":[{\"name\":\"a\",\"map\":{\"channel\":6}}]}",
         "key 'classes[0].map.channel': output 'map/Sigmoid' is [1,256,256,6], which has no channel 6",
         HAYA_ERROR_SHAPE},
        {"{\"haya\":1,\"classes\":[{\"name\":\"a\",\"map\":{\"channel\":5}}, {\"name\":\"b\"}]}",
         "key 'classes[1].map.channel': output 'map/Sigmoid' is [1,256,256,6], so one of the channels 0 to 5 must",
         HAYA_ERROR_SHAPE},
        {"{\"haya\":1,\"classes\":[{\"name\":\"a\",\"map\":{\"type\":\"reconstruction_error\","
         "\"output\":\"down2_conv1/Relu\"}}]}",
         "key 'classes[0].map.type': output 'down2_conv1/Relu' is [1,128,128,16], and a reconstruction must "
         "have the shape of the input, [1,256,256,6]", HAYA_ERROR_SHAPE},
    };
    haya_model *model = open_model(MODELS "all.pb");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        settings s;
        haya_error error = {.status = HAYA_OK};
        if (parse(cases[i].text, &s)) {
            haya_status status = settings_check_model(&s, model, &error);
            status = status == HAYA_OK ? settings_check_shapes(&s, model, &error) : status;
            CHECK_INT(status, cases[i].status);
            CHECK(strncmp(error.message, "m.json: ", 8) == 0);
            CHECK_HAS(error.message, cases[i].says);
            settings_free(&s);
        }
    }
    haya_model_close(model);
}

static void names_may_end_in_their_zero(void) {
    haya_model *model = open_model(MODELS "class1.pb");
    settings s;
    haya_error error;
    if (parse("{\"haya\":1,\"input\":{\"tensor\":\"input_1:0\"},"
              "\"classes\":[{\"name\":\"a\",\"map\":{\"output\":\"map/Sigmoid:0\"}}]}", &s)) {
        CHECK_INT(settings_check_model(&s, model, &error), HAYA_OK);
        CHECK_INT(settings_check_model(&s, model, &error), HAYA_OK);
        CHECK_STR(s.input.feed, "input_1");
        CHECK_STR(s.classes[0].map.fetch, "map/Sigmoid");
        settings_free(&s);
    }
    haya_model_close(model);
}

static void without_classes_each_channel_is_one(void) {
    haya_model *model = open_model(MODELS "all.pb");
    settings s = settings_default();
    haya_error error;
    const haya_shape six = {4, {1, 256, 256, 6}}, one = {4, {1, 256, 256, 1}};
    CHECK_INT(settings_complete(&s, model, &six, &error), HAYA_OK);
    CHECK_INT(settings_check_shapes(&s, model, &error), HAYA_OK);
    if (CHECK_INT(s.class_count, 6)) {
        CHECK_STR(s.classes[0].name, "all 1");
        CHECK_STR(s.classes[5].name, "all 6");
        CHECK(s.classes[5].map.channel == 5 && s.classes[5].color.red == 128 && s.classes[5].color.green == 0);
        CHECK(s.classes[2].low == 0.5 && s.classes[2].high == 0.5);
    }
    CHECK_INT(settings_complete(&s, model, &one, &error), HAYA_OK); /* there are some */
    CHECK_INT(s.class_count, 6);
    settings_free(&s);
    haya_model_close(model);
    model = open_model(MODELS "class1.pb");
    s = settings_default();
    CHECK_INT(settings_complete(&s, model, &one, &error), HAYA_OK);
    if (CHECK_INT(s.class_count, 1)) {
        CHECK_STR(s.classes[0].name, "class1");
        CHECK_INT(s.classes[0].map.channel, -1);
    }
    settings_free(&s);
    haya_model_close(model);
}

enum { THREADS = 4, ROUNDS = 20 };

static void *read_and_check(void *model) {
    for (int i = 0; i < ROUNDS; i++) {
        settings s;
        haya_error error;
        if (CHECK_INT(settings_read_beside(MODELS "all.pb", &s, &error), HAYA_OK)) {
            json_t *all;
            CHECK_INT(settings_check_model(&s, model, &error), HAYA_OK);
            CHECK_INT(settings_check_shapes(&s, model, &error), HAYA_OK);
            CHECK((all = settings_json(&s)) != NULL);
            json_decref(all);
            settings_free(&s);
        }
    }
    return NULL;
}

static void threads_may_read_at_once(void) {
    haya_model *model = open_model(MODELS "all.pb");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, read_and_check, model), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    haya_model_close(model);
}

int main(void) {
    RUN(the_demos_settings_fit_its_models);
    RUN(what_the_model_lacks_is_refused_by_its_key);
    RUN(names_may_end_in_their_zero);
    RUN(without_classes_each_channel_is_one);
    RUN(threads_may_read_at_once);
    return test_summary();
}
