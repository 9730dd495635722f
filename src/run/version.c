/* SPDX-License-Identifier: Apache-2.0
 *
 * What this build is.
 */
#include <stdio.h>

#include "run/run.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#if defined(__clang__)
#  define COMPILER "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__)
#elif defined(__GNUC__)
#  define COMPILER "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__)
#else
#  define COMPILER "C compiler"
#endif

const char *haya_version(void)
{
    return HAYA_VERSION;
}

const char *haya_build_info(void)
{
    /* One text for each instruction set that the machine may have, so that nothing has to be written at run time. */
#define CHOSEN(isa) "haya " HAYA_VERSION ", " COMPILER ", kernels: " HAYA_ISAS ", chosen: " isa
    static const char *const texts[HY_ISA_COUNT] = {
        [HY_ISA_PORTABLE] = CHOSEN("portable"), [HY_ISA_SSE42] = CHOSEN("sse42"),   [HY_ISA_AVX2] = CHOSEN("avx2"),
        [HY_ISA_AVX512] = CHOSEN("avx512"),     [HY_ISA_NEON] = CHOSEN("neon"),
    };
#undef CHOSEN
    return texts[hy_isa_best()];
}
