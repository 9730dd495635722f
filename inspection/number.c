/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <math.h>
#include <string.h>

bool host_is_big_endian(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

number_type number_type_of(haya_dtype dtype) {
    number_type type = {NUMBER_UNSIGNED, haya_dtype_size(dtype), host_is_big_endian()};
    switch (dtype) {
    case HAYA_FLOAT16:
    case HAYA_FLOAT32:
    case HAYA_FLOAT64:
        type.kind = NUMBER_FLOAT;
        break;
    case HAYA_BFLOAT16:
        type.kind = NUMBER_BFLOAT;
        break;
    case HAYA_INT8:
    case HAYA_INT16:
    case HAYA_INT32:
    case HAYA_INT64:
        type.kind = NUMBER_SIGNED;
        break;
    case HAYA_BOOL:
        type.kind = NUMBER_BOOL;
        break;
    default:
        break;
    }
    return type;
}

static double bits_to_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double half_to_double(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023);
    double magnitude;
    if (exponent == 31) {
        magnitude = fraction == 0.0 ? INFINITY : NAN;
    } else if (exponent == 0) {
        magnitude = ldexp(fraction, -24);
    } else {
        magnitude = ldexp(fraction + 1024.0, exponent - 25);
    }
    return bits & 0x8000 ? -magnitude : magnitude;
}

static double single_to_double(uint64_t bits) {
    uint32_t word = (uint32_t)bits;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static double float_to_double(uint64_t bits, number_type type) {
    if (type.kind == NUMBER_BFLOAT) {
        return single_to_double(bits << 16);
    }
    return type.size == 2 ? half_to_double(bits) : type.size == 4 ? single_to_double(bits) : bits_to_double(bits);
}

number number_load(const unsigned char *from, number_type type) {
    uint64_t bits = 0;
    for (size_t i = 0; i < type.size; i++) {
        bits = bits << 8 | from[type.big_endian ? i : type.size - 1 - i];
    }
    number n = {.kind = type.kind};
    switch (type.kind) {
    case NUMBER_BOOL:
        n.u = bits != 0;
        break;
    case NUMBER_UNSIGNED:
        n.u = bits;
        break;
    case NUMBER_SIGNED: {
        uint64_t sign = UINT64_C(1) << (8 * type.size - 1);
        n.i = (int64_t)((bits ^ sign) - sign);
        break;
    }
    default:
        n.f = float_to_double(bits, type);
    }
    return n;
}

double number_as_double(number n) {
    switch (n.kind) {
    case NUMBER_BOOL:
    case NUMBER_UNSIGNED:
        return (double)n.u;
    case NUMBER_SIGNED:
        return (double)n.i;
    default:
        return n.f;
    }
}

/* The nearest 16-bit float of that many fraction bits: 10 for IEEE 754's half, 7 for bfloat16. */
static uint16_t small_float(double value, int fraction_bits) {
    int bias = (1 << (14 - fraction_bits)) - 1;
    uint32_t infinite = (uint32_t)(2 * bias + 1) << fraction_bits;
    uint32_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value)) {
        return (uint16_t)(sign | infinite | 1u << (fraction_bits - 1));
    }
    int exponent;
    frexp(value, &exponent);
    exponent = exponent - 1 < 1 - bias ? 1 - bias : exponent - 1;
    if (value == 0.0 || exponent > bias) {
        return (uint16_t)(sign | (value == 0.0 ? 0 : infinite));
    }
    /* The fraction with its leading 1 adds to the exponent below its own, so that subnormals, and a carry of the
       rounding into the next exponent or into infinity, come out right by themselves. */
    uint32_t scaled = (uint32_t)nearbyint(ldexp(fabs(value), fraction_bits - exponent));
    return (uint16_t)(sign | (((uint32_t)(exponent + bias - 1) << fraction_bits) + scaled));
}

static bool store_float(number n, haya_dtype dtype, void *to) {
    double value = number_as_double(n);
    if (dtype == HAYA_FLOAT64) {
        memcpy(to, &value, sizeof value);
    } else if (dtype == HAYA_FLOAT32) {
        /* Straight from the integer: by way of double it would be rounded twice. */
        float single = n.kind == NUMBER_SIGNED     ? (float)n.i
                       : n.kind == NUMBER_UNSIGNED ? (float)n.u
                                                        : (float)value;
        memcpy(to, &single, sizeof single);
    } else {
        uint16_t half = small_float(value, dtype == HAYA_FLOAT16 ? 10 : 7);
        memcpy(to, &half, sizeof half);
    }
    return true;
}

/* As a sign and a magnitude, where the number is integral and its magnitude below 2^64. */
static bool as_integer(number n, bool *negative, uint64_t *magnitude) {
    *negative = false;
    *magnitude = n.u;
    if (n.kind == NUMBER_SIGNED) {
        *negative = n.i < 0;
        *magnitude = *negative ? -(uint64_t)n.i : (uint64_t)n.i;
    } else if (n.kind == NUMBER_FLOAT || n.kind == NUMBER_BFLOAT) {
        double value = fabs(n.f);
        if (!(value < 18446744073709551616.0) || value != floor(value)) {
            return false;
        }
        *negative = n.f < 0.0;
        *magnitude = (uint64_t)value;
    }
    return true;
}

bool number_store(number n, haya_dtype dtype, void *to) {
    number_type type = number_type_of(dtype);
    if (type.kind == NUMBER_FLOAT || type.kind == NUMBER_BFLOAT) {
        return store_float(n, dtype, to);
    }
    bool negative;
    uint64_t magnitude;
    if (!as_integer(n, &negative, &magnitude)) {
        return false;
    }
    uint64_t limit = type.kind == NUMBER_BOOL ? 1 : UINT64_MAX >> (64 - 8 * type.size);
    if (type.kind == NUMBER_SIGNED) {
        limit = (limit >> 1) + negative;
    } else if (negative) {
        return false;
    }
    if (magnitude > limit) {
        return false;
    }
    uint64_t bits = negative ? -magnitude : magnitude;
    unsigned char *bytes = to;
    for (size_t i = 0; i < type.size; i++) {
        bytes[type.big_endian ? type.size - 1 - i : i] = (unsigned char)(bits >> 8 * i);
    }
    return true;
}

number_summary numbers_summarize(const void *data, haya_dtype dtype, uint64_t count) {
    number_type type = number_type_of(dtype);
    number_summary summary = {.count = count, .min = NAN, .max = NAN};
    double sum = 0.0;
    for (uint64_t i = 0; i < count; i++) {
        double value = number_as_double(number_load((const unsigned char *)data + i * type.size, type));
        if (isfinite(value)) {
            sum += value;
            summary.min = value >= summary.min ? summary.min : value;
            summary.max = value <= summary.max ? summary.max : value;
        } else if (isnan(value)) {
            summary.nan++;
        } else {
            summary.infinite++;
        }
    }
    uint64_t finite = count - summary.nan - summary.infinite;
    summary.mean = finite > 0 ? sum / (double)finite : NAN;
    return summary;
}
