/* SPDX-License-Identifier: Apache-2.0
 *
 * Which sanitizer the compiler builds for, for the few places that must tell it something.
 */
#ifndef HAYA_BASE_SANITIZER_H
#define HAYA_BASE_SANITIZER_H

#if defined(__has_feature) /* clang */
#  define HY_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#  define HY_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#  if defined(__SANITIZE_ADDRESS__)
#    define HY_ADDRESS_SANITIZER 1
#  else
#    define HY_ADDRESS_SANITIZER 0
#  endif
#  if defined(__SANITIZE_THREAD__)
#    define HY_THREAD_SANITIZER 1
#  else
#    define HY_THREAD_SANITIZER 0
#  endif
#endif

#endif
