/* SPDX-License-Identifier: Apache-2.0
 *
 * The public header alone, as C99 and later: it needs nothing else and warns of nothing.
 */
#include "haya/haya.h"

int main(void)
{
    haya_shape shape = {2, {3, 4}};
    haya_tensor tensor = haya_tensor_dense(HAYA_FLOAT32, shape, 0);
    haya_error error = {HAYA_OK, "", ""};
    return tensor.bytes == 48 && error.status == HAYA_OK && haya_version()[0] ? 0 : 1;
}
