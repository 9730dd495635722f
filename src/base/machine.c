/* SPDX-License-Identifier: Apache-2.0
 *
 * Instruction sets, by asking the processor.
 */
#include "base/machine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const isa_names[HY_ISA_COUNT] = {
    [HY_ISA_PORTABLE] = "portable",
    [HY_ISA_SSE42] = "sse42",
    [HY_ISA_AVX2] = "avx2",
    [HY_ISA_AVX512] = "avx512",
    [HY_ISA_NEON] = "neon",
};

const char *hy_isa_name(hy_isa isa) {
    return isa_names[isa];
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>

/* Those of this family of processors. */
static const hy_isa family[] = {HY_ISA_PORTABLE, HY_ISA_SSE42, HY_ISA_AVX2, HY_ISA_AVX512};

#define BIT(n) (1u << (n))

/* Each level is asked for all that the compiler may use when it is told -march=x86-64-v2, -v3 or -v4, not only for
   what the kernels use knowingly. */
enum {
    /* leaf 1, ecx */
    LEAF1_V2 = BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23), /* SSE3 SSSE3 CX16 SSE4.1 SSE4.2 POPCNT */
    LEAF1_V3 = BIT(12) | BIT(22) | BIT(26) | BIT(27) | BIT(28) | BIT(29), /* FMA MOVBE XSAVE OSXSAVE AVX F16C */
    /* leaf 7, ebx */
    LEAF7_V3 = BIT(3) | BIT(5) | BIT(8), /* BMI1 AVX2 BMI2 */
    /* leaf 0x80000001, ecx */
    EXTENDED_V2 = BIT(0), /* LAHF */
    EXTENDED_V3 = BIT(5), /* LZCNT */
    /* xcr0: what the operating system saves */
    XCR0_V3 = BIT(1) | BIT(2),          /* xmm, ymm */
    XCR0_V4 = BIT(5) | BIT(6) | BIT(7), /* masks, zmm */
};
#define LEAF7_V4 (BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31)) /* AVX512 F DQ CD BW VL */

static bool has(unsigned value, unsigned bits) {
    return (value & bits) == bits;
}

static unsigned read_xcr0(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static hy_isa detect(void) {
    unsigned eax, ebx, ecx, edx, extended;
    if (!__get_cpuid(0x80000001, &eax, &ebx, &extended, &edx) || !has(extended, EXTENDED_V2))
        return HY_ISA_PORTABLE;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has(ecx, LEAF1_V2))
        return HY_ISA_PORTABLE;
    if (!has(ecx, LEAF1_V3) || !has(extended, EXTENDED_V3))
        return HY_ISA_SSE42;
    unsigned xcr0 = read_xcr0(); /* OSXSAVE is there */
    if (!has(xcr0, XCR0_V3) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !has(ebx, LEAF7_V3))
        return HY_ISA_SSE42;
    return has(ebx, LEAF7_V4) && has(xcr0, XCR0_V4) ? HY_ISA_AVX512 : HY_ISA_AVX2;
}

#elif defined(__aarch64__)

static const hy_isa family[] = {HY_ISA_PORTABLE, HY_ISA_NEON};

static hy_isa detect(void) {
    return HY_ISA_NEON;
}

#else

static const hy_isa family[] = {HY_ISA_PORTABLE};

static hy_isa detect(void) {
    return HY_ISA_PORTABLE;
}

#endif

/* `isa`, or the lower one that the environment names. */
static hy_isa lower(hy_isa isa) {
    const char *wanted = getenv("HAYA_ISA");
    for (size_t i = 0; wanted && i < sizeof family / sizeof family[0] && family[i] < isa; i++)
        if (strcmp(wanted, isa_names[family[i]]) == 0)
            return family[i];
    return isa;
}

hy_isa hy_isa_best(void) {
    static atomic_int known = -1; /* threads that find out at once find the same */
    int best = atomic_load_explicit(&known, memory_order_relaxed);
    if (best < 0) {
        best = (int)lower(detect());
        atomic_store_explicit(&known, best, memory_order_relaxed);
    }
    return (hy_isa)best;
}
