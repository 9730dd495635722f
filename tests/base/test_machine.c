/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "base/machine.h"

#include <fenv.h>
#include <float.h>
#include <limits.h>
#include <sched.h>
#include <sys/wait.h>

#include "../test.h"
#include "base/cgroup.h"
#include "base/threads.h"
#include "scratch.h"

/* ---- Instruction sets ------------------------------------------------------------------------------------- */

/* What a fresh process with this HAYA_ISA detects; NULL: not set. */
static int best_with(const char *setting) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (setting)
            setenv("HAYA_ISA", setting, 1);
        else
            unsetenv("HAYA_ISA");
        int first = (int)hy_isa_best();
        setenv("HAYA_ISA", "portable", 1); /* too late */
        _exit((int)hy_isa_best() == first ? first : 99);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void instruction_sets_have_names(void) {
    CHECK_STR(hy_isa_name(HY_ISA_PORTABLE), "portable");
    CHECK_STR(hy_isa_name(HY_ISA_SSE42), "sse42");
    CHECK_STR(hy_isa_name(HY_ISA_AVX2), "avx2");
    CHECK_STR(hy_isa_name(HY_ISA_AVX512), "avx512");
    CHECK_STR(hy_isa_name(HY_ISA_NEON), "neon");
}

static void the_compiler_agrees_on_the_instruction_set(void) {
    int best = best_with(NULL);
#if defined(__x86_64__)
    int expected = HY_ISA_PORTABLE;
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))
        expected = HY_ISA_SSE42;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        expected = HY_ISA_AVX2;
    if (expected == HY_ISA_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512cd"))
        expected = HY_ISA_AVX512;
    CHECK_INT(best, expected);
#elif defined(__aarch64__)
    CHECK_INT(best, HY_ISA_NEON);
#else
    CHECK_INT(best, HY_ISA_PORTABLE);
#endif
}

static void the_environment_lowers_the_instruction_set_only(void) {
    int best = best_with(NULL);
    for (int isa = 0; isa < HY_ISA_COUNT; isa++) {
        bool of_this_family = isa == HY_ISA_PORTABLE || (isa == HY_ISA_NEON) == (best == HY_ISA_NEON);
        CHECK_INT(best_with(hy_isa_name((hy_isa)isa)), of_this_family && isa < best ? isa : best);
    }
    CHECK_INT(best_with("sse9"), best);
    CHECK_INT(best_with(""), best);
    CHECK_INT(best_with("AVX2"), best);
}

/* ---- Floating-point modes --------------------------------------------------------------------------------- */

/* Valgrind computes without these modes and flags. */
static bool modes_can_be_set(void) {
    hy_fp_state before, inside;
    hy_fp_enter(&before);
    hy_fp_get(&inside);
    hy_fp_leave(&before);
    if (inside.control == before.control)
        printf("(floating-point modes cannot be set here, not tested)\n");
    return inside.control != before.control;
}

static volatile float smallest_normal = FLT_MIN, half = 0.5f, denormal = 1e-40f, one = 1.0f, third = 3.0f;
static volatile double zero = 0.0;

static void inside_denormals_are_zero_and_rounding_is_to_nearest(void) {
    hy_fp_state saved;
    float third_to_nearest = one / third;
    fesetround(FE_DOWNWARD);
    hy_fp_enter(&saved);
    CHECK(one / third == third_to_nearest);
#if defined(__SSE__) || defined(__aarch64__)
    CHECK(smallest_normal * half == 0.0f);
    CHECK(denormal * one == 0.0f);
#endif
    hy_fp_leave(&saved);
    CHECK_INT(fegetround(), FE_DOWNWARD);
    CHECK(one / third < third_to_nearest);
    CHECK(smallest_normal * half > 0.0f);
    CHECK(denormal * one > 0.0f);
    fesetround(FE_TONEAREST);
}

static void leaving_restores_the_flags(void) {
    hy_fp_state saved;
    feclearexcept(FE_ALL_EXCEPT);
    hy_fp_enter(&saved);
    zero = 1.0 / zero;
    hy_fp_leave(&saved);
    CHECK_INT(fetestexcept(FE_DIVBYZERO), 0);
    zero = 0.0;
    feraiseexcept(FE_DIVBYZERO);
    hy_fp_enter(&saved);
    hy_fp_leave(&saved);
    CHECK_INT(fetestexcept(FE_DIVBYZERO), FE_DIVBYZERO);
    feclearexcept(FE_ALL_EXCEPT);
}

static void modes_are_taken_over(void) {
    hy_fp_state outer, inner, adopted;
    hy_fp_enter(&outer);
    hy_fp_get(&inner);
    hy_fp_leave(&outer);
    CHECK(inner.control != outer.control);
    hy_fp_adopt(&inner);
    hy_fp_get(&adopted);
    CHECK_INT(adopted.control & ~0x3Fu, inner.control & ~0x3Fu);
    hy_fp_leave(&outer);
}

/* ---- Caches, memory, time ----------------------------------------------------------------------------------- */

static void the_machine_has_plausible_caches_and_memory(void) {
    const hy_caches *caches = hy_machine_caches();
    CHECK(caches->l1d >= 4096 && caches->l1d <= 16u << 20);
    CHECK(caches->l2 >= 4096);
    CHECK(caches->l3 >= 4096);
    CHECK(hy_machine_caches() == caches);
    uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    CHECK(hy_machine_memory() > 1 << 20);
    CHECK(hy_machine_memory() <= physical);
}

static void the_clock_never_goes_back(void) {
    uint64_t last = hy_clock_nanoseconds(), begin = last;
    while (last < begin + 1000000) {
        uint64_t now = hy_clock_nanoseconds();
        if (now < last)
            FAIL("the clock went back");
        last = now;
    }
}

static void affinity_bounds_the_threads(void) {
    cpu_set_t before, one_only;
    CHECK(hy_threads_available() >= 1 && hy_threads_available() <= HY_MAX_THREADS);
    CHECK_INT(sched_getaffinity(0, sizeof before, &before), 0);
    CHECK(hy_threads_available() <= CPU_COUNT(&before));
    CPU_ZERO(&one_only);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one_only) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one_only);
    CHECK_INT(sched_setaffinity(0, sizeof one_only, &one_only), 0);
    CHECK_INT(hy_threads_available(), 1);
    CHECK_INT(sched_setaffinity(0, sizeof before, &before), 0);
}

/* ---- Control groups ----------------------------------------------------------------------------------------- */

static void put(const char *name, const char *text) {
    FILE *file = fopen(scratch_path(name), "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(name);
        exit(1);
    }
}

static void make(const char *name) {
    mkdir(scratch_path(name), 0755);
}

static hy_cgroup_limits limits_of(const char *membership, const char *mount) {
    put("membership", membership);
    return hy_cgroup_read(scratch_path("membership"), scratch_path(mount));
}

static void without_groups_there_is_no_limit(void) {
    hy_cgroup_limits limits = hy_cgroup_read(scratch_path("missing"), scratch_path("missing"));
    CHECK(limits.memory == UINT64_MAX && limits.cpus == INT64_MAX);
    limits = limits_of("0::/app\n", "missing");
    CHECK(limits.memory == UINT64_MAX && limits.cpus == INT64_MAX);
    limits = limits_of("nonsense\n::\n1:\n\n", "missing");
    CHECK(limits.memory == UINT64_MAX && limits.cpus == INT64_MAX);
}

static void version_2_limits_hold_for_all_below(void) {
    make("v2");
    make("v2/slice");
    make("v2/slice/app");
    put("v2/slice/memory.max", "1000000\n");
    put("v2/slice/cpu.max", "150000 100000\n");
    put("v2/slice/app/memory.max", "max\n");
    put("v2/slice/app/cpu.max", "max 100000\n");
    hy_cgroup_limits limits = limits_of("0::/slice/app\n", "v2");
    CHECK_INT(limits.memory, 1000000);
    CHECK_INT(limits.cpus, 2); /* 1.5, rounded up */
    put("v2/slice/app/memory.max", "500\n");
    put("v2/slice/app/cpu.max", "100000 100000\n");
    limits = limits_of("0::/slice/app\n", "v2");
    CHECK_INT(limits.memory, 500);
    CHECK_INT(limits.cpus, 1);
    limits = limits_of("0::/\n", "v2");
    CHECK(limits.memory == UINT64_MAX && limits.cpus == INT64_MAX);
}

static void version_1_limits_are_in_directories_of_controllers(void) {
    make("v1");
    make("v1/memory");
    make("v1/memory/app");
    make("v1/cpu,cpuacct");
    make("v1/cpu,cpuacct/app");
    put("v1/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("v1/memory/app/memory.limit_in_bytes", "4096000\n");
    put("v1/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put("v1/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("v1/cpu,cpuacct/app/cpu.cfs_quota_us", "300001\n");
    put("v1/cpu,cpuacct/app/cpu.cfs_period_us", "100000\n");
    hy_cgroup_limits limits = limits_of("9:name=systemd:/\n4:memory:/app\n2:cpu,cpuacct:/app\n0::/\n", "v1");
    CHECK_INT(limits.memory, 4096000);
    CHECK_INT(limits.cpus, 4);
}

static void a_group_that_is_not_mounted_counts_by_its_root(void) {
    make("container");
    put("container/memory.max", "777\n");
    put("container/cpu.max", "200000 100000\n");
    hy_cgroup_limits limits = limits_of("0::/docker/0123456789abcdef\n", "container");
    CHECK_INT(limits.memory, 777);
    CHECK_INT(limits.cpus, 2);
    CHECK_INT(limits_of("0::/../../elsewhere\n", "container").memory, 777);
}

static void damaged_settings_are_no_limits(void) {
    make("damaged");
    static const char *const texts[] = {"", "-5\n", "0\n", "abc\n", "100000\n", "1 0\n",
                                        "99999999999999999999999\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put("damaged/cpu.max", texts[i]);
        CHECK(limits_of("0::/\n", "damaged").cpus == INT64_MAX);
    }
    put("damaged/memory.max", "x\n");
    CHECK(limits_of("0::/\n", "damaged").memory == UINT64_MAX);
    char long_path[6000];
    snprintf(long_path, sizeof long_path, "0::/%05000d\n", 1);
    CHECK(limits_of(long_path, "damaged").memory == UINT64_MAX);
}

int main(void) {
    scratch_create();
    RUN(instruction_sets_have_names);
    RUN(the_compiler_agrees_on_the_instruction_set);
    RUN(the_environment_lowers_the_instruction_set_only);
    if (modes_can_be_set()) {
        RUN(inside_denormals_are_zero_and_rounding_is_to_nearest);
        RUN(leaving_restores_the_flags);
        RUN(modes_are_taken_over);
    }
    RUN(the_machine_has_plausible_caches_and_memory);
    RUN(the_clock_never_goes_back);
    RUN(affinity_bounds_the_threads);
    RUN(without_groups_there_is_no_limit);
    RUN(version_2_limits_hold_for_all_below);
    RUN(version_1_limits_are_in_directories_of_controllers);
    RUN(a_group_that_is_not_mounted_counts_by_its_root);
    RUN(damaged_settings_are_no_limits);
    return test_summary();
}
