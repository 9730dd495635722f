/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEMO_ROC_H
#define DEMO_ROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The area under the ROC curve: the chance that one of the `true` scores is above one of the others, a tie counted
   half. It is exact: pairs are counted, in integers. NaN where there is nothing to compare, because one kind is
   missing, or where a score is not a number. `truth` is 0 or not for each score. False: no memory. */
bool roc_area(const double *scores, const uint8_t *truth, size_t count, double *area);

#endif
