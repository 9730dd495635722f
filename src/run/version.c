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
    static const char *const texts[HY_ISA_COUNT] = {
        [HY_ISA_PORTABLE] = "haya " HAYA_VERSION ", " COMPILER ", kernels: " HAYA_ISAS ", chosen: portable",
        [HY_ISA_AVX2] = "haya " HAYA_VERSION ", " COMPILER ", kernels: " HAYA_ISAS ", chosen: avx2",
        [HY_ISA_AVX512] = "haya " HAYA_VERSION ", " COMPILER ", kernels: " HAYA_ISAS ", chosen: avx512",
    };
    return texts[hy_isa_best()];
}
