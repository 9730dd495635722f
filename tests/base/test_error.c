/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "../test.h"

static void a_failure_fills_the_error_and_returns_the_status(void) {
    haya_error error;
    CHECK_INT(hy_fail(&error, HAYA_ERROR_SHAPE, "conv", "%s: node '%s': %d", "a.pb", "conv", 7), HAYA_ERROR_SHAPE);
    CHECK_INT(error.status, HAYA_ERROR_SHAPE);
    CHECK_STR(error.node, "conv");
    CHECK_STR(error.message, "a.pb: node 'conv': 7");
}

static void a_failure_without_error_returns_the_status(void) {
    CHECK_INT(hy_fail(NULL, HAYA_ERROR_IO, NULL, "text"), HAYA_ERROR_IO);
    hy_error_prefix(NULL, "prefix");
    hy_error_clear(NULL);
}

static void a_missing_node_is_empty(void) {
    haya_error error = {.node = "old"};
    hy_fail(&error, HAYA_ERROR_IO, NULL, "text");
    CHECK_STR(error.node, "");
}

static void clearing_empties_the_error(void) {
    haya_error error;
    hy_fail(&error, HAYA_ERROR_IO, "node", "text");
    hy_error_clear(&error);
    CHECK_INT(error.status, HAYA_OK);
    CHECK_STR(error.node, "");
    CHECK_STR(error.message, "");
}

static void a_prefix_goes_before_the_message(void) {
    haya_error error;
    hy_fail(&error, HAYA_ERROR_FORMAT, "node", "bad tag");
    hy_error_prefix(&error, "model.pb");
    CHECK_STR(error.message, "model.pb: bad tag");
    CHECK_STR(error.node, "node");
    CHECK_INT(error.status, HAYA_ERROR_FORMAT);
}

static void no_prefix_without_a_failure(void) {
    haya_error error;
    hy_error_clear(&error);
    hy_error_prefix(&error, "model.pb");
    CHECK_STR(error.message, "");
}

static void arguments_may_point_into_the_error(void) {
    haya_error error;
    hy_fail(&error, HAYA_ERROR_FORMAT, "node", "first");
    hy_fail(&error, HAYA_ERROR_VALUE, error.node, "%s, then %s", error.message, error.node);
    CHECK_STR(error.message, "first, then node");
    CHECK_STR(error.node, "node");
}

static void a_message_that_fits_exactly_is_whole(void) {
    haya_error error;
    char text[sizeof error.message];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    hy_fail(&error, HAYA_ERROR_IO, NULL, "%s", text);
    CHECK_STR(error.message, text);
}

static void a_long_message_ends_with_dots(void) {
    haya_error error;
    char text[sizeof error.message + 1];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    hy_fail(&error, HAYA_ERROR_IO, text, "%s", text);
    CHECK_INT(strlen(error.message), sizeof error.message - 1);
    CHECK_STR(error.message + sizeof error.message - 6, "xx...");
    CHECK_INT(strlen(error.node), sizeof error.node - 1);
    CHECK_STR(error.node + sizeof error.node - 6, "xx...");
    hy_error_prefix(&error, "prefix");
    CHECK_INT(strlen(error.message), sizeof error.message - 1);
    CHECK_HAS(error.message, "prefix: xx");
    CHECK_STR(error.message + sizeof error.message - 6, "xx...");
}

/* Characters of 2, 3 and 4 bytes, at every offset from the place of the cut. */
static void a_message_is_not_cut_inside_a_character(void) {
    static const char *const characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    haya_error error;
    char text[4096];
    for (int i = 0; i < 3; i++) {
        for (size_t offset = 0; offset < 4; offset++) {
            size_t length = offset;
            memset(text, 'x', offset);
            while (length < 3000) {
                strcpy(text + length, characters[i]);
                length += strlen(characters[i]);
            }
            hy_fail(&error, HAYA_ERROR_IO, NULL, "%s", text);
            size_t kept = strlen(error.message) - 3;
            CHECK_STR(error.message + kept, "...");
            CHECK_INT((kept - offset) % strlen(characters[i]), 0);
            CHECK(strncmp(error.message, text, kept) == 0);
            CHECK(kept + 3 + strlen(characters[i]) >= sizeof error.message);
        }
    }
}

static void garbage_is_cut_too(void) {
    haya_error error;
    char text[4096];
    memset(text, 0x80, sizeof text);
    text[sizeof text - 1] = '\0';
    hy_fail(&error, HAYA_ERROR_IO, text, "%s", text);
    CHECK_HAS(error.message, "????...");
    CHECK_HAS(error.node, "????...");
}

static const char *shown(const char *text) {
    static haya_error error;
    hy_fail(&error, HAYA_ERROR_IO, NULL, "%s", text);
    return error.message;
}

static void control_characters_are_replaced(void) {
    CHECK_STR(shown("a\nb\tc\x1B[31md\x7F"), "a?b?c?[31md?");
    CHECK_STR(shown("a\xC2\x9B" "31m"), "a??31m"); /* U+009B begins a terminal sequence too */
    CHECK_STR(shown("a\xC2\xA0" "b"), "a\xC2\xA0" "b");
}

static void utf8_is_kept_and_anything_else_replaced(void) {
    CHECK_STR(shown("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK_STR(shown("\xF4\x8F\xBF\xBF"), "\xF4\x8F\xBF\xBF");
    CHECK_STR(shown("\xC0\xAF"), "??");             /* overlong */
    CHECK_STR(shown("\xE0\x80\xAF"), "???");
    CHECK_STR(shown("\xF0\x80\x80\xAF"), "????");
    CHECK_STR(shown("\xED\xA0\x80"), "???");        /* surrogate */
    CHECK_STR(shown("\xF4\x90\x80\x80"), "????");   /* above U+10FFFF */
    CHECK_STR(shown("\xFF\xFE"), "??");
    CHECK_STR(shown("a\xE2\x82"), "a??");           /* ends too early */
    CHECK_STR(shown("a\xF0\x9F\x98"), "a???");
}

static void every_status_has_its_name(void) {
    CHECK_STR(haya_status_name(HAYA_OK), "HAYA_OK");
    CHECK_STR(haya_status_name(HAYA_ERROR_FORMAT), "HAYA_ERROR_FORMAT");
    for (int status = HAYA_ERROR_ARGUMENT; status <= HAYA_ERROR_VALUE; status++)
        CHECK_HAS(haya_status_name((haya_status)status), "HAYA_ERROR_");
    CHECK_STR(haya_status_name((haya_status)1000), "unknown status");
}

int main(void) {
    RUN(a_failure_fills_the_error_and_returns_the_status);
    RUN(a_failure_without_error_returns_the_status);
    RUN(a_missing_node_is_empty);
    RUN(clearing_empties_the_error);
    RUN(a_prefix_goes_before_the_message);
    RUN(no_prefix_without_a_failure);
    RUN(arguments_may_point_into_the_error);
    RUN(a_message_that_fits_exactly_is_whole);
    RUN(a_long_message_ends_with_dots);
    RUN(a_message_is_not_cut_inside_a_character);
    RUN(garbage_is_cut_too);
    RUN(control_characters_are_replaced);
    RUN(utf8_is_kept_and_anything_else_replaced);
    RUN(every_status_has_its_name);
    return test_summary();
}
