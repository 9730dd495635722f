/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged and hostile files: a clear error or a sane graph, never an access outside the file, never more memory
 * than a multiple of what the file has. Of use mainly with sanitizers.
 */
#if defined(__unix__)
#  define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include "reading.h"
#include "sample.h"

#if defined(__unix__)
#  include <signal.h>
#  include <sys/mman.h>
#  include <sys/wait.h>
#  include <unistd.h>
#endif

/* The worst that records may take: the smallest attribute has 9 bytes in the file, its record some 300. */
#define MEMORY_MULTIPLE 64
#define MEMORY_BASE ((size_t)64 << 10)

/* ---- Truncated files --------------------------------------------------------------------------------------- */

static void check_prefix(const pb *graph, size_t size, int *whole) {
    reading r = {0};
    read_bytes(&r, graph->data, size);
    if (r.status == HAYA_OK) {
        *whole += 1;
        decode_all(&r);
        CHECK(r.records.node_count > 0);
    } else {
        CHECK_INT(r.status, HAYA_ERROR_FORMAT);
        CHECK_HAS(r.error.message, "test.pb");
        if (size > 0)
            CHECK_HAS(r.error.message, "seems to be truncated");
    }
    CHECK(r.memory.peak <= MEMORY_BASE + MEMORY_MULTIPLE * size);
    end_reading(&r);
}

static void every_prefix_is_an_error_or_a_graph(void) {
    pb graph = {0};
    sample_graph(&graph);
    int whole = 0;
    for (size_t size = 0; size <= graph.size; size++)
        check_prefix(&graph, size, &whole);
    CHECK_INT(whole, 12); /* the ends of ten nodes, of the library and of the versions */
    pb_free(&graph);
}

static void a_truncated_file_says_where(void) {
    pb graph = {0};
    float weights[64] = {0};
    gd_placeholder(&graph, "in", GD_FLOAT, -1, NULL);
    size_t first = graph.size;
    gd_const_content(&graph, "weights", GD_FLOAT, 1, (int64_t[]){64}, weights, sizeof weights);
    graph.size -= 100;
    char expected[200];
    snprintf(expected, sizeof expected, "test.pb: node 'weights': the file ends at byte %zu, within the node that "
             "begins at byte %zu, after 1 whole nodes; it seems to be truncated", graph.size, first);
    reading r;
    read_graph(&r, &graph);
    CHECK_STR(r.error.message, expected);
    CHECK_STR(r.error.node, "weights");
    end_reading(&r);
}

/* ---- Changed bytes ----------------------------------------------------------------------------------------- */

static void read_changed(const pb *graph) {
    reading r = {0};
    read_bytes(&r, graph->data, graph->size);
    if (r.status == HAYA_OK)
        decode_all(&r);
    else
        CHECK_HAS(r.error.message, "test.pb: ");
    end_reading(&r);
}

static void any_changed_byte_is_survived(void) {
    static const uint8_t values[] = {0x00, 0x01, 0x0a, 0x12, 0x2a, 0x7f, 0x80, 0x81, 0xfe, 0xff};
    pb graph = {0};
    sample_graph(&graph);
    for (size_t i = 0; i < graph.size; i++) {
        uint8_t original = graph.data[i];
        for (size_t k = 0; k < sizeof values; k++) {
            graph.data[i] = values[k];
            read_changed(&graph);
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            graph.data[i] = (uint8_t)(original ^ 1u << bit);
            read_changed(&graph);
        }
        graph.data[i] = original;
    }
    pb_free(&graph);
}

/* The mapping of a file that another process overwrites: a child scribbles over the bytes while they are read.
   Behind them is a page that faults. */
#if defined(__unix__)
static void scribble(uint8_t *bytes, const pb *graph) {
    uint32_t random = (uint32_t)getpid();
    for (;;) {
        random = random * 1664525 + 1013904223;
        size_t at = (random >> 4) % graph->size;
        uint8_t choice[] = {0x0a, 0x12, 0x1a, 0x2a, (uint8_t)(random >> 24)};
        *(volatile uint8_t *)(bytes + at) = choice[(random >> 16) % sizeof choice];
        for (volatile int pause = (int)(random >> 20); pause > 0; pause--) /* for what the reader takes, or so */
            ;
        *(volatile uint8_t *)(bytes + at) = graph->data[at];
    }
}

static void bytes_may_change_while_they_are_read(void) {
    pb graph = {0};
    sample_graph(&graph);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (graph.size + page - 1) / page * page;
    uint8_t *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!CHECK(map != MAP_FAILED) || !CHECK(mprotect(map + size, page, PROT_NONE) == 0))
        return;
    uint8_t *bytes = map + size - graph.size;
    memcpy(bytes, graph.data, graph.size);
    pid_t child = fork();
    if (child == 0)
        scribble(bytes, &graph);
    int read = 0, changed = 0;
    uint64_t end = hy_clock_nanoseconds() + 500000000u, last = end + 60000000000u; /* where it gets few turns */
    while (child > 0 && hy_clock_nanoseconds() < (read > 0 ? end : last)) {
        reading r = {0};
        haya_host host = {sizeof host, counted_allocate, counted_release, NULL, &r.memory};
        hy_arena_init(&r.arena, &host);
        CHECK_INT(hy_file_borrow(bytes, graph.size, "test.pb", NULL, NULL, &host, &r.file, &r.error), HAYA_OK);
        if (hy_read(r.file, &r.arena, &r.records, &r.error) == HAYA_OK) {
            decode_all(&r);
            read++;
        }
        changed += r.error.status == HAYA_ERROR_FILE_CHANGED;
        end_reading(&r);
    }
    printf("    %d times read, %d times seen to change\n", read, changed);
    if (CHECK(child > 0)) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    CHECK(read > 0);
    munmap(map, size + page);
    pb_free(&graph);
}
#endif

/* The same without chance: a byte changes between the walks over a message, at the time of some allocation. */
typedef struct saboteur {
    counted_memory memory;
    size_t at_call;
    uint8_t *byte, value;
} saboteur;

static void *sabotaging_allocate(void *user, size_t size, size_t alignment) {
    saboteur *sabotage = user;
    if (sabotage->memory.calls + 1 == sabotage->at_call)
        *sabotage->byte = sabotage->value;
    return counted_allocate(&sabotage->memory, size, alignment);
}

static void sabotaging_release(void *user, void *block, size_t size) {
    counted_release(&((saboteur *)user)->memory, block, size);
}

/* Reads while byte `at` becomes `value` at the time of the allocation `call`; false when there are fewer. */
static bool read_sabotaged(const pb *graph, size_t at, uint8_t value, size_t call, int *noticed) {
    reading r = {.size = graph->size, .bytes = malloc(graph->size)};
    if (!r.bytes)
        abort();
    memcpy(r.bytes, graph->data, graph->size);
    saboteur sabotage = {.at_call = call, .byte = r.bytes + at, .value = value};
    haya_host host = {sizeof host, sabotaging_allocate, sabotaging_release, NULL, &sabotage};
    hy_arena_init(&r.arena, &host);
    CHECK_INT(hy_file_borrow(r.bytes, r.size, "test.pb", NULL, NULL, &host, &r.file, &r.error), HAYA_OK);
    if (hy_read(r.file, &r.arena, &r.records, &r.error) == HAYA_OK)
        decode_all(&r);
    *noticed += r.error.status == HAYA_ERROR_FILE_CHANGED;
    bool reached = sabotage.memory.calls >= call;
    end_reading(&r);
    CHECK_INT((long long)sabotage.memory.present, 0);
    return reached;
}

static void a_byte_may_change_at_any_allocation(void) {
    static const uint8_t values[] = {0x0a, 0x1a, 0x2a};
    pb graph = {0};
    sample_graph(&graph);
    int noticed = 0;
    for (size_t at = 0; at < graph.size; at++)
        for (size_t k = 0; k < sizeof values; k++)
            for (size_t call = 2; read_sabotaged(&graph, at, values[k], call, &noticed);)
                call++;
    CHECK(noticed > 0);
    pb_free(&graph);
}

/* ---- Hostile files ----------------------------------------------------------------------------------------- */

/* Reads the graph, which is emptied, and checks the memory. */
static haya_status read_bounded(pb *graph, const char *message) {
    reading r;
    read_graph(&r, graph);
    size_t limit = MEMORY_BASE + MEMORY_MULTIPLE * r.size;
    if (!CHECK(r.memory.peak <= limit))
        printf("    %zu bytes for a file of %zu\n", r.memory.peak, r.size);
    CHECK_HAS(r.error.message, message);
    haya_status status = r.status;
    end_reading(&r);
    return status;
}

static void a_million_empty_nodes_are_refused(void) {
    pb graph = {0}, empty = {0};
    for (int i = 0; i < 1 << 20; i++)
        pb_message(&graph, 1, &empty);
    CHECK_INT(read_bounded(&graph, "has no name"), HAYA_ERROR_FORMAT);
    for (int i = 0; i <= 1 << 20; i++)
        pb_message(&graph, 1, &empty);
    CHECK_INT(read_bounded(&graph, "the graph has 1048577 nodes, more than 1048576"), HAYA_ERROR_LIMIT);
}

static void many_small_nodes_take_bounded_memory(void) {
    pb graph = {0}, node = {0};
    char name[16];
    for (int i = 0; i < 200000; i++) {
        snprintf(name, sizeof name, "%x", i);
        gd_begin(&node, name, "o");
        gd_end(&graph, &node);
    }
    CHECK_INT(read_bounded(&graph, ""), HAYA_OK);
}

static void many_inputs_take_bounded_memory(void) {
    pb graph = {0}, node = {0};
    gd_begin(&node, "n", "AddN");
    for (int i = 0; i < 1 << 16; i++)
        gd_input(&node, "x");
    gd_end(&graph, &node);
    CHECK_INT(read_bounded(&graph, ""), HAYA_OK);
    gd_begin(&node, "n", "AddN");
    for (int i = 0; i <= 1 << 16; i++)
        gd_input(&node, "x");
    gd_end(&graph, &node);
    CHECK_INT(read_bounded(&graph, "node 'n': it has 65537 inputs, more than 65536"), HAYA_ERROR_LIMIT);
}

static void put_attrs(pb *node, int count) {
    char key[16];
    for (int i = 0; i < count; i++) {
        pb tensor = {0};
        pb_int(&tensor, 1, GD_STRING);
        snprintf(key, sizeof key, "%x", i);
        gd_attr_message(node, key, 8, &tensor);
    }
}

static void many_attributes_take_bounded_memory(void) {
    pb graph = {0}, node = {0};
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%x", i);
        gd_begin(&node, name, "o");
        put_attrs(&node, 4096);
        gd_end(&graph, &node);
    }
    CHECK_INT(read_bounded(&graph, ""), HAYA_OK);
    gd_begin(&node, "n", "o");
    put_attrs(&node, 4097);
    gd_end(&graph, &node);
    CHECK_INT(read_bounded(&graph, "node 'n': it has 4097 attributes, more than 4096"), HAYA_ERROR_LIMIT);
}

static void long_lists_take_bounded_memory(void) {
    pb graph = {0}, node = {0}, list = {0}, empty = {0};
    int64_t *zeros = calloc(1 << 20, sizeof *zeros);
    gd_begin(&node, "n", "o");
    gd_attr_ints(&node, "ints", zeros, zeros ? 1 << 20 : 0);
    free(zeros);
    for (int i = 0; i < 100000; i++)
        pb_message(&list, 7, &empty);
    gd_attr_message(&node, "shapes", 1, &list);
    for (int i = 0; i < 100000; i++)
        pb_message(&list, 2, &empty);
    gd_attr_message(&node, "strings", 1, &list);
    gd_end(&graph, &node);
    CHECK_INT(read_bounded(&graph, ""), HAYA_OK);
}

static void too_large_attributes_are_left_out(void) {
    pb graph = {0}, node = {0}, value = {0};
    size_t size = (1 << 20) + 1;
    void *zeros = calloc(size, 1);
    if (!CHECK(zeros))
        return;
    gd_begin(&node, "n", "o");
    pb_bytes(&value, 2, zeros, size);
    gd_attr(&node, "string", &value);
    pb list = {0};
    pb_bytes(&list, 3, zeros, size);
    gd_attr_message(&node, "list", 1, &list);
    gd_end(&graph, &node);
    reading r;
    read_graph(&r, &graph);
    CHECK_INT(r.status, HAYA_OK);
    CHECK_INT(attr_of(&r, 0, "string")->kind, HY_ATTR_NONE);
    CHECK_INT(attr_of(&r, 0, "list")->kind, HY_ATTR_NONE);
    CHECK(r.memory.peak < MEMORY_BASE);
    end_reading(&r);
    free(zeros);
}

static void put_functions(pb *graph, int count) {
    pb function = {0}, signature = {0};
    char name[16];
    gd_placeholder(graph, "in", GD_FLOAT, -1, NULL);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%x", i);
        pb_string(&signature, 1, name);
        pb_message(&function, 1, &signature);
        gd_function(graph, &function);
    }
}

static void many_functions_take_bounded_memory(void) {
    pb graph = {0}, function = {0}, signature = {0};
    put_functions(&graph, 1 << 16);
    CHECK_INT(read_bounded(&graph, ""), HAYA_OK);
    put_functions(&graph, (1 << 16) + 1);
    CHECK_INT(read_bounded(&graph, "the graph has 65537 functions, more than 65536"), HAYA_ERROR_LIMIT);
    gd_placeholder(&graph, "in", GD_FLOAT, -1, NULL);
    pb_string(&signature, 1, "f");
    for (int i = 0; i <= 1 << 16; i++)
        gd_argument(&signature, 2, "x");
    pb_message(&function, 1, &signature);
    gd_function(&graph, &function);
    CHECK_INT(read_bounded(&graph, "function 'f': it has 65537 arguments and 0 outputs"), HAYA_ERROR_LIMIT);
}

/* Lists of functions with attributes that are lists of functions with attributes ...: only names are looked at. */
static void deep_nesting_is_survived(void) {
    pb graph = {0}, node = {0}, value = {0};
    for (int i = 0; i < 2000; i++) {
        pb function = {0}, entry = {0}, list = {0};
        pb_string(&entry, 1, "a");
        pb_message(&entry, 2, &value);
        pb_string(&function, 1, "f");
        pb_message(&function, 2, &entry);
        pb_message(&list, 9, &function);
        pb_message(&value, 1, &list);
    }
    gd_begin(&node, "n", "o");
    gd_attr(&node, "deep", &value);
    gd_end(&graph, &node);
    CHECK_INT(read_bounded(&graph, ""), HAYA_OK);
}

static void a_message_in_too_many_pieces_is_refused(void) {
    pb graph = {0}, node = {0}, value = {0}, shape = {0};
    for (int i = 0; i < 9; i++)
        pb_message(&value, 7, &shape);
    gd_begin(&node, "n", "o");
    gd_attr(&node, "a", &value);
    gd_end(&graph, &node);
    CHECK_INT(read_bounded(&graph, "attribute 'a': its value comes in more than 8 pieces"), HAYA_ERROR_LIMIT);
}

static void hostile_lengths_are_refused(void) {
    static const char *const lengths[] = {"\xff\xff\xff\xff\x0f", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
                                          "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"};
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t number = 1; number <= 5; number++) {
            pb graph = {0}, node = {0};
            gd_begin(&node, "n", "o");
            pb_tag(&node, number, 2);
            pb_raw(&node, lengths[i], strlen(lengths[i]));
            gd_end(&graph, &node);
            CHECK_INT(read_bounded(&graph, "damaged at byte"), HAYA_ERROR_FORMAT);
        }
    }
}

/* ---- Memory that runs out ---------------------------------------------------------------------------------- */

static void running_out_of_memory_is_an_error(void) {
    pb graph = {0};
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        gd_placeholder(&graph, name, GD_FLOAT, 1, (int64_t[]){1});
    }
    haya_status status = HAYA_ERROR_MEMORY;
    size_t call = 1;
    for (; call < 1000 && status != HAYA_OK; call++) {
        reading r = {.memory.fail_at = call};
        read_bytes(&r, graph.data, graph.size);
        status = r.status;
        if (status != HAYA_OK)
            CHECK_INT(status, HAYA_ERROR_MEMORY);
        end_reading(&r);
    }
    CHECK_INT(status, HAYA_OK);
    CHECK(call > 5);
    pb_free(&graph);
}

int main(void) {
    RUN(every_prefix_is_an_error_or_a_graph);
    RUN(a_truncated_file_says_where);
    RUN(any_changed_byte_is_survived);
#if defined(__unix__)
    RUN(bytes_may_change_while_they_are_read);
#endif
    RUN(a_byte_may_change_at_any_allocation);
    RUN(a_million_empty_nodes_are_refused);
    RUN(many_small_nodes_take_bounded_memory);
    RUN(many_inputs_take_bounded_memory);
    RUN(many_attributes_take_bounded_memory);
    RUN(long_lists_take_bounded_memory);
    RUN(too_large_attributes_are_left_out);
    RUN(many_functions_take_bounded_memory);
    RUN(deep_nesting_is_survived);
    RUN(a_message_in_too_many_pieces_is_refused);
    RUN(hostile_lengths_are_refused);
    RUN(running_out_of_memory_is_an_error);
    return test_summary();
}
