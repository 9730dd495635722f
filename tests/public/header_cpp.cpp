/* SPDX-License-Identifier: Apache-2.0
 *
 * The public header alone, as C++11 and later; with the same layout as in C, as far as it shows in sizes.
 */
#include "haya/haya.h"

static_assert(sizeof(haya_shape) == 8 + 8 * HAYA_MAX_RANK, "a rank and dimensions");
static_assert(sizeof(haya_status) == sizeof(int), "an enumeration as in C");

int main()
{
    haya_shape shape = {2, {3, 4}};
    haya_tensor tensor = haya_tensor_dense(HAYA_FLOAT32, shape, nullptr);
    haya_program_options options = {};
    options.struct_size = sizeof options;
    return tensor.bytes == 48 && tensor.struct_size == sizeof tensor && haya_version()[0] ? 0 : 1;
}
