/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static bool is_continuation(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the character at `text`, 0 if it is not UTF-8 or a control character. The terminating 0 is no
   continuation byte, so nothing after it is looked at. */
static size_t character_length(const unsigned char *text) {
    unsigned char first = text[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7F;
    if (!is_continuation(text[1]))
        return 0;
    if (first >= 0xC2 && first <= 0xDF)
        return first == 0xC2 && text[1] < 0xA0 ? 0 : 2; /* U+0080 .. U+009F are controls */
    if (!is_continuation(text[2]))
        return 0;
    if (first >= 0xE0 && first <= 0xEF) {
        bool overlong = first == 0xE0 && text[1] < 0xA0;
        bool surrogate = first == 0xED && text[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (!is_continuation(text[3]))
        return 0;
    if (first >= 0xF0 && first <= 0xF4) {
        bool overlong = first == 0xF0 && text[1] < 0x90;
        bool too_large = first == 0xF4 && text[1] >= 0x90;
        return overlong || too_large ? 0 : 4;
    }
    return 0;
}

static void clean(char *text) {
    while (*text) {
        size_t length = character_length((const unsigned char *)text);
        if (length == 0) {
            *text = '?';
            length = 1;
        }
        text += length;
    }
}

/* Ends a full buffer with "...", not in the middle of a character. */
static void cut(char *buffer, size_t size) {
    size_t end = size - sizeof "...";
    for (int back = 0; back < 3 && end > 0 && is_continuation((unsigned char)buffer[end]); back++)
        end--;
    memcpy(buffer + end, "...", sizeof "...");
}

void hy_text_format(char *buffer, size_t size, const char *format, va_list arguments) {
    int length = vsnprintf(buffer, size, format, arguments);
    if (length < 0)
        buffer[0] = '\0';
    else if ((size_t)length >= size)
        cut(buffer, size);
    clean(buffer);
}

HY_PRINTF(3, 4)
static void format_text(char *buffer, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    hy_text_format(buffer, size, format, arguments);
    va_end(arguments);
}

haya_status hy_fail(haya_error *error, haya_status status, const char *node, const char *format, ...) {
    if (!error)
        return status;
    haya_error made; /* apart, since the arguments may point into *error */
    va_list arguments;
    va_start(arguments, format);
    hy_text_format(made.message, sizeof made.message, format, arguments);
    va_end(arguments);
    format_text(made.node, sizeof made.node, "%s", node ? node : "");

    error->status = status;
    strcpy(error->node, made.node);
    strcpy(error->message, made.message);
    return status;
}

void hy_error_prefix(haya_error *error, const char *prefix) {
    if (!error || error->status == HAYA_OK)
        return;
    char message[sizeof error->message];
    format_text(message, sizeof message, "%s: %s", prefix, error->message);
    strcpy(error->message, message);
}

void hy_error_clear(haya_error *error) {
    if (!error)
        return;
    error->status = HAYA_OK;
    error->node[0] = '\0';
    error->message[0] = '\0';
}

const char *haya_status_name(haya_status status) {
    switch (status) {
    case HAYA_OK: return "HAYA_OK";
    case HAYA_ERROR_ARGUMENT: return "HAYA_ERROR_ARGUMENT";
    case HAYA_ERROR_MEMORY: return "HAYA_ERROR_MEMORY";
    case HAYA_ERROR_IO: return "HAYA_ERROR_IO";
    case HAYA_ERROR_FORMAT: return "HAYA_ERROR_FORMAT";
    case HAYA_ERROR_UNSUPPORTED: return "HAYA_ERROR_UNSUPPORTED";
    case HAYA_ERROR_STRUCTURE: return "HAYA_ERROR_STRUCTURE";
    case HAYA_ERROR_SHAPE: return "HAYA_ERROR_SHAPE";
    case HAYA_ERROR_LIMIT: return "HAYA_ERROR_LIMIT";
    case HAYA_ERROR_FILE_CHANGED: return "HAYA_ERROR_FILE_CHANGED";
    case HAYA_ERROR_NOT_FOUND: return "HAYA_ERROR_NOT_FOUND";
    case HAYA_ERROR_STATE: return "HAYA_ERROR_STATE";
    case HAYA_ERROR_THREAD: return "HAYA_ERROR_THREAD";
    case HAYA_ERROR_VALUE: return "HAYA_ERROR_VALUE";
    }
    return "unknown status";
}
