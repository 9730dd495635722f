/* SPDX-License-Identifier: Apache-2.0
 *
 * The floating-point modes of machine.h. On x86 those of SSE and AVX: the x87 unit, which no kernel
 * uses, is left alone.
 */
#include "base/machine.h"

#if defined(__SSE__) || defined(_M_X64)

#include <xmmintrin.h>

#define FLUSH_TO_ZERO 0x8000u
#define DENORMALS_ARE_ZERO 0x0040u
#define NO_TRAPS 0x1F80u /* round to nearest, no flags */
#define STICKY_FLAGS 0x003Fu

void hy_fp_get(hy_fp_state *state) {
    *state = (hy_fp_state){.control = _mm_getcsr()};
}

void hy_fp_enter(hy_fp_state *saved) {
    hy_fp_get(saved);
    _mm_setcsr(NO_TRAPS | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
}

void hy_fp_leave(const hy_fp_state *saved) {
    _mm_setcsr((unsigned)saved->control);
}

/* Setting is slow enough to be worth avoiding. */
void hy_fp_adopt(const hy_fp_state *state) {
    unsigned wanted = (unsigned)state->control & ~STICKY_FLAGS;
    if ((_mm_getcsr() & ~STICKY_FLAGS) != wanted)
        _mm_setcsr(wanted);
}

#elif defined(__aarch64__) && defined(__GNUC__)

#define FLUSH_TO_ZERO (UINT64_C(1) << 24)

static void set_control(uint64_t control) {
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
}

void hy_fp_get(hy_fp_state *state) {
    __asm__ volatile("mrs %0, fpcr" : "=r"(state->control));
    __asm__ volatile("mrs %0, fpsr" : "=r"(state->status));
}

void hy_fp_enter(hy_fp_state *saved) {
    hy_fp_get(saved);
    set_control(FLUSH_TO_ZERO);
}

void hy_fp_leave(const hy_fp_state *saved) {
    set_control(saved->control);
    __asm__ volatile("msr fpsr, %0" : : "r"(saved->status));
}

void hy_fp_adopt(const hy_fp_state *state) {
    hy_fp_state own;
    hy_fp_get(&own);
    if (own.control != state->control)
        set_control(state->control);
}

#else /* what standard C has: rounding; denormals stay as they are */

#include <fenv.h>

void hy_fp_get(hy_fp_state *state) {
    *state = (hy_fp_state){.control = (uint64_t)fegetround()};
}

void hy_fp_enter(hy_fp_state *saved) {
    hy_fp_get(saved);
    fesetround(FE_TONEAREST);
}

void hy_fp_leave(const hy_fp_state *saved) {
    fesetround((int)saved->control);
}

void hy_fp_adopt(const hy_fp_state *state) {
    fesetround((int)state->control);
}

#endif
