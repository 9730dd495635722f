/* SPDX-License-Identifier: Apache-2.0
 *
 * haya: inference for families of models that share one network structure.
 *
 * Prepare the structure once; then every model of it is a file used in place, and switching model is passing
 * another pointer. A complete loop, errors left out:
 *
 *     haya_model *first, *second;
 *     haya_model_open("class1.pb", NULL, &first, NULL);               // mapped, read-only, nothing loaded
 *     haya_model_open("class2.pb", NULL, &second, NULL);
 *
 *     haya_program *program;
 *     haya_program_create(first, NULL, &program, NULL);               // the structure both files share
 *
 *     haya_weights *w1, *w2;
 *     haya_weights_bind(program, first, &w1, NULL);                   // a table of pointers into the file,
 *     haya_weights_bind(program, second, &w2, NULL);                  // or a refusal naming the first difference
 *
 *     haya_shape shape = {4, {1, 256, 256, 1}};
 *     haya_plan *plan;
 *     haya_plan_create(program, &shape, 1, NULL, &plan, NULL);        // once for each input shape
 *
 *     haya_session *session;
 *     haya_session_create(NULL, &session, NULL);                      // threads and scratch
 *     haya_session_reserve(session, plan, NULL);
 *
 *     haya_tensor in = haya_tensor_dense(HAYA_FLOAT32, shape, pixels);
 *     haya_tensor out = haya_tensor_dense(HAYA_FLOAT32, shape, map);
 *     haya_run(session, plan, w1, &in, 1, &out, 1, NULL);             // class 1
 *     haya_run(session, plan, w2, &in, 1, &out, 1, NULL);             // class 2: the switch is an argument
 *
 *     haya_session_free(session);  haya_plan_free(plan);  haya_weights_free(w1);  haya_weights_free(w2);
 *     haya_program_free(program);  haya_model_close(first);  haya_model_close(second);
 *
 * Models, programs, weights and plans are immutable and may be used by any number of threads at once. A session
 * serves one caller at a time; use one for each thread that runs. Objects count references to what they need, so
 * they may be freed in any order. Every free function accepts NULL.
 *
 * Each call that can fail returns a status and, where `error` is not NULL, writes what failed, in which file, at
 * which node and why. On failure nothing is created, and the pointer that would receive the object is set to NULL.
 * Strings returned by getters belong to the object asked and live as long as it does.
 */
#ifndef HAYA_HAYA_H
#define HAYA_HAYA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(HAYA_SHARED)
#  ifdef HAYA_BUILDING
#    define HAYA_API __declspec(dllexport)
#  else
#    define HAYA_API __declspec(dllimport)
#  endif
#elif defined(__GNUC__)
#  define HAYA_API __attribute__((visibility("default")))
#else
#  define HAYA_API
#endif

/* ---- Status and errors ------------------------------------------------------------------------------------ */

/* Values are never renumbered. */
typedef enum haya_status {
    HAYA_OK = 0,
    HAYA_ERROR_ARGUMENT = 1,      /* the call itself is wrong: a null pointer, an unknown option */
    HAYA_ERROR_MEMORY = 2,        /* the allocator, or the operating system, has no memory left */
    HAYA_ERROR_IO = 3,            /* the file cannot be opened, read or mapped */
    HAYA_ERROR_FORMAT = 4,        /* the file is damaged, or of a format that is not read */
    HAYA_ERROR_UNSUPPORTED = 5,   /* operations, attributes or types that haya does not have */
    HAYA_ERROR_STRUCTURE = 6,     /* the model does not have the program's structure */
    HAYA_ERROR_SHAPE = 7,         /* a shape, rank or dtype that does not fit */
    HAYA_ERROR_LIMIT = 8,         /* more memory than the limit allows would be needed */
    HAYA_ERROR_FILE_CHANGED = 9,  /* the file was modified or truncated after it was opened */
    HAYA_ERROR_NOT_FOUND = 10,    /* no node or tensor of that name */
    HAYA_ERROR_STATE = 11,        /* the session has not reserved what the plan needs */
    HAYA_ERROR_THREAD = 12,       /* a thread could not be created */
    HAYA_ERROR_VALUE = 13         /* data that an operation can't take: an index out of range, a division by zero */
} haya_status;

typedef struct haya_error {
    haya_status status;
    char node[256];      /* the node concerned, or empty */
    char message[1792];  /* one sentence, UTF-8: file, node and cause */
} haya_error;

HAYA_API const char *haya_status_name(haya_status status); /* "HAYA_ERROR_FORMAT" */
HAYA_API const char *haya_version(void);                   /* "0.1.0" */
HAYA_API const char *haya_build_info(void);                /* compiler, options, instruction sets built and chosen */

/* ---- Tensors ---------------------------------------------------------------------------------------------- */

#define HAYA_MAX_RANK 8

/* Values are never renumbered. */
typedef enum haya_dtype {
    HAYA_INVALID = 0,
    HAYA_FLOAT32 = 1,
    HAYA_FLOAT64 = 2,
    HAYA_FLOAT16 = 3,
    HAYA_BFLOAT16 = 4,
    HAYA_INT8 = 5,
    HAYA_UINT8 = 6,
    HAYA_INT16 = 7,
    HAYA_UINT16 = 8,
    HAYA_INT32 = 9,
    HAYA_UINT32 = 10,
    HAYA_INT64 = 11,
    HAYA_UINT64 = 12,
    HAYA_BOOL = 13        /* one byte, 0 or 1 */
} haya_dtype;

HAYA_API const char *haya_dtype_name(haya_dtype dtype); /* "float32" */
HAYA_API size_t haya_dtype_size(haya_dtype dtype);      /* bytes; 0 for HAYA_INVALID */

/* rank -1: unknown; a dimension of -1: left open by the graph. */
typedef struct haya_shape {
    int32_t rank;
    int64_t dims[HAYA_MAX_RANK];
} haya_shape;

typedef enum haya_memory { HAYA_MEMORY_HOST = 0 } haya_memory;

/* A tensor in the caller's memory. Row-major: the last dimension is contiguous unless strides say otherwise. */
typedef struct haya_tensor {
    uint32_t struct_size;           /* sizeof(haya_tensor) */
    haya_dtype dtype;
    haya_shape shape;
    int64_t strides[HAYA_MAX_RANK]; /* bytes, may be negative for inputs; all 0: dense */
    void *data;                     /* element [0, 0, ...]; not written to for inputs; any alignment */
    uint64_t bytes;                 /* dense: bytes at data, checked; strided: not looked at */
    haya_memory memory;
} haya_tensor;

/* A dense tensor of `shape` at `data`. */
HAYA_API haya_tensor haya_tensor_dense(haya_dtype dtype, haya_shape shape, void *data);

/* A named value of a model, program or plan. */
typedef struct haya_value {
    const char *name;   /* "node:k", k left out where 0 */
    haya_dtype dtype;
    haya_shape shape;   /* as far as known */
} haya_value;

/* ---- The host: memory and messages ------------------------------------------------------------------------- */

typedef enum haya_log_level { HAYA_LOG_DEBUG = 0, HAYA_LOG_INFO = 1, HAYA_LOG_WARNING = 2 } haya_log_level;

/* Copied at the call. Members left 0 take the default: malloc-like allocation, no log. Callbacks may come from any
   thread that calls haya. */
typedef struct haya_host {
    uint32_t struct_size;                                            /* sizeof(haya_host) */
    void *(*allocate)(void *user, size_t size, size_t alignment);    /* alignment: a power of two; NULL on failure */
    void (*release)(void *user, void *memory, size_t size);          /* set both or neither */
    void (*log)(void *user, haya_log_level level, const char *message);
    void *user;
} haya_host;

/* ---- Model: a file, mapped and parsed ------------------------------------------------------------------------ */

typedef struct haya_model haya_model;

typedef struct haya_model_options {
    uint32_t struct_size;   /* sizeof(haya_model_options) */
    bool read_into_memory;  /* a private copy instead of a mapping: immune to later changes of the file */
    haya_host host;
} haya_model_options;

/* Opens a TensorFlow frozen GraphDef. The structure is copied out; parameters stay where they are in the file, which
   must not be overwritten in place while it is in use: bind and run notice and refuse (HAYA_ERROR_FILE_CHANGED).
   Replacing the file by rename, or deleting it, is safe. `options` may be NULL. */
HAYA_API haya_status haya_model_open(const char *path, const haya_model_options *options, haya_model **model,
                                     haya_error *error);

/* The same from memory, copied. `name` stands for the file in messages. */
HAYA_API haya_status haya_model_from_memory(const void *data, size_t size, const char *name,
                                            const haya_model_options *options, haya_model **model,
                                            haya_error *error);

/* The same from memory that stays the caller's and unchanged until `release(user)` is called: when the model and all
   that was made from it are freed, or before this returns on failure. `release` may be NULL. */
HAYA_API haya_status haya_model_borrow(const void *data, size_t size, const char *name, void (*release)(void *user),
                                       void *user, const haya_model_options *options, haya_model **model,
                                       haya_error *error);
HAYA_API void haya_model_close(haya_model *model);

typedef struct haya_model_info {
    const char *path;
    const char *format;            /* "tensorflow-graphdef" */
    uint64_t file_bytes;
    size_t node_count;             /* all nodes of the main graph */
    size_t input_count;            /* placeholders */
    size_t output_count;           /* sinks: nodes that no other node reads, leftovers of training excepted */
    uint64_t parameter_count;      /* elements of floating-point constants, used or not */
    uint64_t parameter_bytes;
} haya_model_info;

typedef struct haya_node {
    const char *name;
    const char *op;                /* the file's word: "Conv2D" */
    size_t input_count;            /* control inputs included */
} haya_node;

HAYA_API void haya_model_get_info(const haya_model *model, haya_model_info *info);
HAYA_API haya_status haya_model_node(const haya_model *model, size_t index, haya_node *node);
HAYA_API const char *haya_model_node_input(const haya_model *model, size_t index, size_t input); /* "a", "a:1", "^a" */
HAYA_API haya_status haya_model_input(const haya_model *model, size_t index, haya_value *value);
HAYA_API haya_status haya_model_output(const haya_model *model, size_t index, haya_value *value);

/* ---- Program: the structure for given feeds and fetches ------------------------------------------------------- */

typedef struct haya_program haya_program;

typedef struct haya_program_options {
    uint32_t struct_size;       /* sizeof(haya_program_options) */
    const char *const *feeds;   /* tensors "name" or "name:k" given at each run; NULL: the model's inputs that the
                                   fetches depend on */
    size_t feed_count;
    const char *const *fetches; /* tensors wanted; NULL: the model's outputs */
    size_t fetch_count;
    /* Called once for each operation that the fetches depend on and haya does not support; may be NULL. */
    void (*unsupported)(void *user, const char *node, const char *op, const char *why);
    void *user;
} haya_program_options;

/* Feeds and fetches are the program's inputs and outputs, in the order given. A placeholder that the fetches depend on
   and that is not fed is HAYA_ERROR_ARGUMENT, with its name in error->node. HAYA_ERROR_UNSUPPORTED lists all
   unsupported operations at once. `options` may be NULL. */
HAYA_API haya_status haya_program_create(haya_model *model, const haya_program_options *options,
                                         haya_program **program, haya_error *error);
HAYA_API void haya_program_free(haya_program *program);

typedef struct haya_program_info {
    char fingerprint[33];          /* 32 hex digits: equal for models of one structure */
    size_t input_count;
    size_t output_count;
    size_t slot_count;             /* parameter tensors */
    uint64_t parameter_count;      /* their elements */
    uint64_t parameter_bytes;      /* as float32 or their own type */
    uint64_t in_place_bytes;       /* of those, used where they lie in the file */
    uint64_t derived_bytes;        /* computed at bind, for each model: folded batch norms, decoded tensors */
    size_t ignored_unsupported;    /* unsupported nodes that the fetches don't depend on */
} haya_program_info;

typedef struct haya_parameter {
    haya_value value;              /* name in the model that the program was made from */
    uint64_t bytes;
    bool in_place;
    const char *why;               /* not in place: the reason; else empty */
} haya_parameter;

HAYA_API void haya_program_get_info(const haya_program *program, haya_program_info *info);
HAYA_API haya_status haya_program_input(const haya_program *program, size_t index, haya_value *value);
HAYA_API haya_status haya_program_output(const haya_program *program, size_t index, haya_value *value);
HAYA_API haya_status haya_program_parameter(const haya_program *program, size_t slot, haya_parameter *parameter);

/* ---- Weights: one model's parameters, bound to a program ------------------------------------------------------ */

typedef struct haya_weights haya_weights;

/* Inputs and outputs are matched by name where both models have the name, else by order. A model of another
   structure is refused (HAYA_ERROR_STRUCTURE) with the first difference. */
HAYA_API haya_status haya_weights_bind(const haya_program *program, haya_model *model, haya_weights **weights,
                                       haya_error *error);
HAYA_API void haya_weights_free(haya_weights *weights);
HAYA_API uint64_t haya_weights_derived_bytes(const haya_weights *weights);

/* ---- Plan: a program compiled for input shapes ---------------------------------------------------------------- */

typedef struct haya_plan haya_plan;

typedef enum haya_precision {
    HAYA_PRECISION_FAST = 0,      /* may use algorithms that round more (Winograd's: relative error below 1e-5 a layer)
                                     and that spread a NaN or Inf over neighbouring outputs of a convolution */
    HAYA_PRECISION_EXACT = 1      /* sums of products as the graph writes them, in float32 */
} haya_precision;

typedef struct haya_plan_options {
    uint32_t struct_size;         /* sizeof(haya_plan_options) */
    haya_precision precision;
    int32_t threads;              /* threads that scratch_bytes is told for; 0: all the process may use */
    uint64_t max_scratch_bytes;   /* 0: half of the memory of the machine or control group */
} haya_plan_options;

/* `input_shapes` in the order of the program's inputs, all dimensions known. `options` may be NULL. */
HAYA_API haya_status haya_plan_create(const haya_program *program, const haya_shape *input_shapes,
                                      size_t input_count, const haya_plan_options *options, haya_plan **plan,
                                      haya_error *error);
HAYA_API void haya_plan_free(haya_plan *plan);

typedef struct haya_plan_info {
    size_t input_count;
    size_t output_count;
    size_t step_count;
    uint64_t scratch_bytes;       /* what a session of options.threads threads reserves */
    uint64_t flops;               /* floating-point operations of one run, a multiply-add counted as 2 */
    uint64_t executed_flops;      /* the same as the steps' kernels carry them out; see haya_step */
} haya_plan_info;

typedef struct haya_step {
    const char *node;             /* the last node that the step computes, by its name in the program's model */
    const char *op;               /* operations computed together: "Conv2D+BiasAdd+Relu" */
    const char *kernel;           /* "conv2d_gemm/avx512" */
    const char *why;              /* the reason for that kernel */
    haya_shape shape;             /* of the first output */
    haya_dtype dtype;
    uint64_t flops;               /* of the operation as the graph writes it: every product of a convolution */
    uint64_t executed_flops;      /* that the kernel carries out: fewer products with Winograd's algorithm, whose
                                     transforms are not counted; otherwise the same as flops */
    uint64_t bytes;               /* operands read and written */
} haya_step;

HAYA_API void haya_plan_get_info(const haya_plan *plan, haya_plan_info *info);
HAYA_API haya_status haya_plan_input(const haya_plan *plan, size_t index, haya_value *value);
HAYA_API haya_status haya_plan_output(const haya_plan *plan, size_t index, haya_value *value);
HAYA_API haya_status haya_plan_step(const haya_plan *plan, size_t index, haya_step *step);

/* ---- Session and run ------------------------------------------------------------------------------------------ */

typedef struct haya_session haya_session;

#define HAYA_MAX_THREADS 256

/* Runs task(argument, 0 .. count - 1), in any order, on any threads, and returns when all are done. */
typedef struct haya_executor {
    int32_t threads;              /* how many tasks can run at once */
    void (*run)(void *user, void (*task)(void *argument, int32_t index), void *argument, int32_t count);
    void *user;
} haya_executor;

typedef struct haya_session_options {
    uint32_t struct_size;         /* sizeof(haya_session_options) */
    int32_t threads;              /* 0: all that the process may use, by affinity and control group; at most
                                     HAYA_MAX_THREADS */
    haya_executor executor;       /* run == NULL: the session's own threads */
    haya_host host;
    /* Called after each step of a run, on the calling thread; `index` as in haya_plan_step. */
    void (*profile)(void *user, const haya_plan *plan, size_t index, uint64_t nanoseconds);
    void *profile_user;
} haya_session_options;

HAYA_API haya_status haya_session_create(const haya_session_options *options, haya_session **session,
                                         haya_error *error);
HAYA_API void haya_session_free(haya_session *session);
HAYA_API int32_t haya_session_threads(const haya_session *session); /* at most so many work on a run */

/* Floating-point operations a second that the session's threads reach together at most: multiply-adds of float32 in
   registers, with the instruction set that the kernels use. Takes some 30 milliseconds and measures what the machine
   has to spare meanwhile; what the steps of a run reach can be compared with it. */
HAYA_API double haya_session_measure_peak(haya_session *session);

/* Makes room for `plan`; never shrinks. After it, runs of the plan allocate nothing. */
HAYA_API haya_status haya_session_reserve(haya_session *session, const haya_plan *plan, haya_error *error);

/* Reserves, brings the parameters' pages in, and runs once on zeros: the next run costs what the hundredth costs.
   May be called on another session's thread while others run. */
HAYA_API haya_status haya_prepare(haya_session *session, const haya_plan *plan, const haya_weights *weights,
                                  haya_error *error);

/* One inference with these weights. Inputs and outputs in the program's order, of the plan's dtypes and shapes;
   outputs overlap neither each other nor an input. On failure the outputs' contents are undefined. Results do not
   depend on the number of threads. Sessions share nothing but plan and weights, which are only read. */
HAYA_API haya_status haya_run(haya_session *session, const haya_plan *plan, const haya_weights *weights,
                              const haya_tensor *inputs, size_t input_count, const haya_tensor *outputs,
                              size_t output_count, haya_error *error);

/* ---- Files that change --------------------------------------------------------------------------------------- */

/* For a program's own SIGBUS handler (async-signal-safe); the library installs none. If `address` (si_addr) lies in
   a model's mapping, whose file was truncated: zero pages replace the rest of the mapping, the model is marked as
   damaged, so that running calls that use it fail with HAYA_ERROR_FILE_CHANGED, and true is returned. */
HAYA_API bool haya_handle_fault(const void *address);

#ifdef __cplusplus
}
#endif
#endif
