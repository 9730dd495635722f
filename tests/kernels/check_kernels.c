/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel, on every instruction set that this machine has, against float64: runs the tests of all families or
 * of those named, and prints for each kernel the calls compared, its greatest error, and how far it is from the
 * portable kernel of its name. A kernel that no test compares is a failure. With --bench it times kernels instead.
 *
 *     check_kernels [FAMILY...]
 *     check_kernels --bench [THREADS [PART]]       of a shape's or kernel's name, or an instruction set
 */
#include "reference.h"

atomic_int test_failed_checks;
int test_passed_count, test_failed_count;

static const struct group {
    const char *name;
    void (*run)(void);
    hy_family first, last;
} groups[] = {
    {"binary", binary_tests, HY_BINARY, HY_BINARY},
    {"cast", cast_tests, HY_CAST, HY_CAST},
    {"convolution", convolution_tests, HY_CONV2D, HY_DEPTHWISE},
    {"copy", copy_tests, HY_COPY, HY_COPY},
    {"gather", gather_tests, HY_GATHER, HY_GATHER},
    {"matmul", matmul_tests, HY_MATMUL, HY_MATMUL},
    {"pool", pool_tests, HY_POOL, HY_POOL},
    {"reduce", reduce_tests, HY_REDUCE, HY_REDUCE},
    {"resize", resize_tests, HY_RESIZE, HY_RESIZE},
    {"scale_shift", scale_shift_tests, HY_SCALE_SHIFT, HY_BATCH_NORM_FOLD},
    {"select", select_tests, HY_SELECT, HY_SELECT},
    {"softmax", softmax_tests, HY_SOFTMAX, HY_SOFTMAX},
    {"unary", unary_tests, HY_UNARY, HY_UNARY},
};

enum { GROUPS = sizeof groups / sizeof *groups, MOST_KERNELS = 512 };

static bool chosen[GROUPS];

/* ---- Scores -------------------------------------------------------------------------------------------------- */

typedef struct score {
    int64_t calls;   /* whose result was compared with what is expected */
    bool inexact;    /* some result may differ from the reference at all */
    double error;    /* greatest relative L2 error of a call */
    double share;    /* greatest part of a tolerance that was taken */
    double distance; /* greatest relative L2 distance from the portable kernel's result */
    float *output;   /* of the current call, until the portable kernel's is known */
} score;

static score scores[MOST_KERNELS]; /* in the order of hy_kernel_list: the portable kernels of a family come last */
static const hy_kernel *kernel_scored;
static score *current;
static double difference_sum, norm_sum; /* of the current call's elements */

static void finish_result(void)
{
    if (current && norm_sum > 0)
        current->error = fmax(current->error, sqrt(difference_sum / norm_sum));
    difference_sum = norm_sum = 0;
}

static void forget_outputs(void)
{
    for (size_t i = 0; i < MOST_KERNELS; i++) {
        free(scores[i].output);
        scores[i].output = NULL;
    }
}

void score_call(const hy_kernel *kernel)
{
    size_t index = 0;
    while (hy_kernel_list(index) != kernel)
        index++;
    if (index >= MOST_KERNELS) {
        printf("more kernels than check_kernels has room for\n");
        exit(1);
    }
    finish_result();
    if (current >= &scores[index]) /* from the first kernel again: another call */
        forget_outputs();
    kernel_scored = kernel;
    current = &scores[index];
}

static double distance(const float *values, const float *from, int64_t count)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i]) && isfinite(from[i])) {
            difference += ((double)values[i] - (double)from[i]) * ((double)values[i] - (double)from[i]);
            norm += (double)from[i] * (double)from[i];
        }
    return difference == 0 ? 0 : sqrt(difference / norm);
}

void score_output(const hy_view *view, const void *memory)
{
    int64_t count = hy_view_elements(view);
    current->calls++;
    float *values = view->dtype == HAYA_FLOAT32 ? malloc((size_t)(count + 1) * sizeof *values) : NULL;
    if (!values)
        return;
    for (int64_t i = 0; i < count; i++)
        values[i] = float_at(memory, view_index(view, i));
    free(current->output);
    current->output = values;
    if (kernel_scored->isa != HY_ISA_PORTABLE)
        return;
    const hy_kernel *kernel;
    for (size_t i = 0; (kernel = hy_kernel_list(i)); i++)
        if (scores[i].output && strcmp(kernel->name, kernel_scored->name) == 0)
            scores[i].distance = fmax(scores[i].distance, distance(scores[i].output, values, count));
}

static void take_share(double error, double tolerance)
{
    if (!(tolerance > 0))
        return;
    current->inexact = true;
    current->share = fmax(current->share, error / tolerance);
}

void score_element(double actual, double expected, double tolerance)
{
    double difference = actual - expected;
    if (!isfinite(actual) || !isfinite(expected))
        return;
    difference_sum += difference * difference;
    norm_sum += expected * expected;
    take_share(fabs(difference), tolerance);
}

void score_error(double error, double tolerance)
{
    current->error = fmax(current->error, error);
    take_share(error, tolerance);
}

/* "of bound": the greatest part of a test's own tolerance, which is of elements for most families. */
static void print_scores(void)
{
    const hy_kernel *kernel;
    finish_result();
    forget_outputs();
    printf("\n%-24s %-9s %6s  %14s  %8s  %13s\n", "kernel", "isa", "calls", "relative error", "of bound",
           "from portable");
    for (size_t i = 0; (kernel = hy_kernel_list(i)); i++) {
        const score *s = &scores[i];
        if (s->calls == 0)
            continue;
        printf("%-24s %-9s %6lld  ", kernel->name, hy_isa_name(kernel->isa), (long long)s->calls);
        if (s->inexact)
            printf("%14.1e  %6.0f %%  %13.1e\n", s->error, 100 * s->share, s->distance);
        else
            printf("%14s  %8s  %13.1e\n", "to the bit", "", s->distance);
    }
    printf("\n");
}

static void every_kernel_is_compared(void)
{
    const hy_kernel *kernel;
    for (size_t i = 0; (kernel = hy_kernel_list(i)); i++) {
        bool known = false, wanted = false;
        for (size_t g = 0; g < GROUPS; g++)
            if (kernel->family >= groups[g].first && kernel->family <= groups[g].last) {
                known = true;
                wanted = chosen[g] && kernel->isa <= hy_isa_best();
            }
        if (!CHECK(known) || !CHECK(!wanted || scores[i].calls > 0))
            printf("    %s/%s\n", kernel->name, hy_isa_name(kernel->isa));
    }
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

hy_team *team_of(int threads)
{
    static hy_team *teams[MOST_THREADS + 1];
    if (!teams[threads] && hy_team_create(threads, NULL, &(haya_host){0}, &teams[threads], NULL) != HAYA_OK) {
        printf("no threads for a test\n");
        exit(1);
    }
    return teams[threads];
}

static bool choose(const char *name)
{
    for (size_t g = 0; g < GROUPS; g++)
        if (strcmp(groups[g].name, name) == 0)
            return chosen[g] = true;
    return false;
}

static int usage(const char *wrong)
{
    fprintf(stderr, "check_kernels: %s\n"
                    "usage: check_kernels [FAMILY...] | --bench [THREADS [PART]]\nfamilies:", wrong);
    for (size_t g = 0; g < GROUPS; g++)
        fprintf(stderr, " %s", groups[g].name);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
        int threads = argc > 2 ? atoi(argv[2]) : 1;
        if (argc > 4 || threads < 1 || threads > HAYA_MAX_THREADS)
            return usage("--bench takes a number of threads, and part of a name");
        bench_kernels(threads, argc > 3 ? argv[3] : "");
        return 0;
    }
    for (int i = 1; i < argc; i++)
        if (!choose(argv[i]))
            return usage("no such family");
    for (size_t g = 0; g < GROUPS; g++) {
        chosen[g] = chosen[g] || argc == 1;
        if (chosen[g])
            groups[g].run();
    }
    RUN(every_kernel_is_compared);
    print_scores();
    return test_summary();
}
