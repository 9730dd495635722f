/* SPDX-License-Identifier: Apache-2.0
 *
 * HY_REDUCE: out[k..] from in[k.., r..]. Values are accumulated in 64 bits, float32 in float64 and integers in
 * int64 (which wraps, and whose low half is what int32 wraps to), and rounded once at the end; a mean of integers
 * is the truncated quotient. A maximum or minimum of NaN and anything is NaN.
 *
 * Kept and reduced dims are merged and walked in the input's memory order:
 *
 *     columns  kept elements are contiguous: a row of accumulators takes rows of the input (pooling over H and W)
 *     lines    else: each output goes along its reduced elements, in several accumulators joined at the end
 *
 * Reduced elements are cut into parts, whose results are joined in order: the order of a sum follows from the view
 * alone, and a reduction to one element has tasks for all threads.
 */
#include <math.h>

#include "kernels/loops.h"
#include "kernels/vec_f64.h"

enum {
    LANES = 16,             /* accumulators of a line of float32 */
    COLUMNS = 256,          /* the most of a block of columns: 2 KiB */
    PART_OF_LINE = 16384,   /* reduced elements */
    PART_OF_BLOCK = 65536,  /* input elements */
    TASK = 16384            /* input elements of a task, at least */
};

typedef union accumulators {
    double f[COLUMNS];
    int64_t i[COLUMNS];
} accumulators;

typedef struct reduction {
    hy_reduce op;
    haya_dtype dtype;
    hy_loop kept;             /* operand 0: in, 1: out */
    hy_loop reduced;          /* operand 0: in */
    const char *origin;       /* in's element [0, 0, ...]: reduced.base counts from it */
    bool columns;
    int outer;                /* kept dims walked from unit to unit: of lines all, of columns all but the last */
    int64_t block;            /* kept elements of a unit; of a line 1 */
    int64_t blocks;           /* of a row of columns; of a line 1 */
    int64_t segment;          /* reduced elements walked at once: a row, or a piece of one */
    int64_t segments;         /* all of them */
    int64_t segments_of_part;
    int64_t parts;
    int64_t units;            /* places of the outer walk * blocks * parts */
    int64_t units_of_task;
    union { double *f; int64_t *i; } partial; /* [kept element][part], where there are several parts */
} reduction;

/* ---- Accumulating ---------------------------------------------------------------------------------------- */

HY_ALWAYS_INLINE double join_f(hy_reduce op, double a, double b)
{
    switch (op) {
    case HY_REDUCE_MAX: return b > a || b != b ? b : a;
    case HY_REDUCE_MIN: return b < a || b != b ? b : a;
    case HY_REDUCE_PROD: return a * b;
    default: return a + b;
    }
}

HY_ALWAYS_INLINE hy_vd join_vd(hy_reduce op, hy_vd a, hy_vd b)
{
    switch (op) {
    case HY_REDUCE_MAX: return hy_vd_select((b > a) | (b != b), b, a);
    case HY_REDUCE_MIN: return hy_vd_select((b < a) | (b != b), b, a);
    case HY_REDUCE_PROD: return a * b;
    default: return a + b;
    }
}

HY_ALWAYS_INLINE int64_t join_i(hy_reduce op, int64_t a, int64_t b)
{
    switch (op) {
    case HY_REDUCE_MAX: return b > a ? b : a;
    case HY_REDUCE_MIN: return b < a ? b : a;
    case HY_REDUCE_PROD: return (int64_t)((uint64_t)a * (uint64_t)b);
    default: return (int64_t)((uint64_t)a + (uint64_t)b);
    }
}

/* sums[c] takes x[r][c], r = 0 .. rows - 1 and c = 0 .. columns - 1. */
HY_ALWAYS_INLINE void columns_f32(hy_reduce op, double *sums, const char *x, int64_t step, int64_t rows,
                                  int64_t columns)
{
    for (int64_t r = 0; r < rows; r++, x += step) {
        int64_t c = 0;
        for (; c + HY_LANES_F64 <= columns; c += HY_LANES_F64)
            hy_vd_store(sums + c, join_vd(op, hy_vd_load(sums + c), hy_vd_load_f32(x + c * 4)));
        for (; c < columns; c++)
            sums[c] = join_f(op, sums[c], (double)((const hy_f32 *)x)[c]);
    }
}

/* `sum` and x[0], ..., x[n - 1]: LANES lanes of a contiguous line on every instruction set, joined by halves. */
HY_ALWAYS_INLINE double line_f32(hy_reduce op, double sum, const char *x, int64_t step, int64_t n)
{
    enum { VECTORS = LANES / HY_LANES_F64 };
    int64_t i = 0;
    if (step == 4 && n >= LANES) {
        hy_vd lanes[VECTORS];
        for (int v = 0; v < VECTORS; v++)
            lanes[v] = hy_vd_load_f32(x + v * HY_LANES_F64 * 4);
        for (i = LANES; i + LANES <= n; i += LANES)
            for (int v = 0; v < VECTORS; v++)
                lanes[v] = join_vd(op, lanes[v], hy_vd_load_f32(x + (i + v * HY_LANES_F64) * 4));
        double joined[LANES];
        memcpy(joined, lanes, sizeof joined);
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int lane = 0; lane < half; lane++)
                joined[lane] = join_f(op, joined[lane], joined[lane + half]);
        sum = join_f(op, sum, joined[0]);
    }
    for (; i < n; i++)
        sum = join_f(op, sum, (double)*(const hy_f32 *)(x + i * step));
    return sum;
}

HY_ALWAYS_INLINE int64_t integer_at(haya_dtype dtype, const char *x)
{
    return dtype == HAYA_INT32 ? *(const hy_i32 *)x : *(const hy_i64 *)x;
}

HY_ALWAYS_INLINE void columns_integers(hy_reduce op, haya_dtype dtype, int64_t *sums, const char *x, int64_t step,
                                       int64_t rows, int64_t columns)
{
    const int64_t width = dtype == HAYA_INT32 ? 4 : 8;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            sums[c] = join_i(op, sums[c], integer_at(dtype, x + r * step + c * width));
}

HY_ALWAYS_INLINE int64_t line_integers(hy_reduce op, haya_dtype dtype, int64_t sum, const char *x, int64_t step,
                                       int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sum = join_i(op, sum, integer_at(dtype, x + i * step));
    return sum;
}

/* n reduced elements from x on: of a block of columns, or of one line where `columns` is 0. */
HY_ALWAYS_INLINE void take(hy_reduce op, haya_dtype dtype, accumulators *sums, const char *x, int64_t step,
                           int64_t n, int64_t columns)
{
    const bool narrow = dtype == HAYA_INT32;
    if (dtype == HAYA_FLOAT32 && columns)
        columns_f32(op, sums->f, x, step, n, columns);
    else if (dtype == HAYA_FLOAT32)
        sums->f[0] = line_f32(op, sums->f[0], x, step, n);
    else if (columns && narrow)
        columns_integers(op, HAYA_INT32, sums->i, x, step, n, columns);
    else if (columns)
        columns_integers(op, HAYA_INT64, sums->i, x, step, n, columns);
    else if (narrow)
        sums->i[0] = line_integers(op, HAYA_INT32, sums->i[0], x, step, n);
    else
        sums->i[0] = line_integers(op, HAYA_INT64, sums->i[0], x, step, n);
}

static void accumulate(hy_reduce op, haya_dtype dtype, accumulators *sums, const char *x, int64_t step, int64_t n,
                       int64_t columns)
{
    switch (op) {
    case HY_REDUCE_MAX: take(HY_REDUCE_MAX, dtype, sums, x, step, n, columns); break;
    case HY_REDUCE_MIN: take(HY_REDUCE_MIN, dtype, sums, x, step, n, columns); break;
    case HY_REDUCE_PROD: take(HY_REDUCE_PROD, dtype, sums, x, step, n, columns); break;
    default: take(HY_REDUCE_SUM, dtype, sums, x, step, n, columns); break;
    }
}

/* ---- First and last -------------------------------------------------------------------------------------- */

/* What a reduction of nothing gives. */
static void clear(hy_reduce op, haya_dtype dtype, accumulators *sums, int64_t n)
{
    double f = op == HY_REDUCE_PROD ? 1.0 : op == HY_REDUCE_MAX ? -INFINITY : op == HY_REDUCE_MIN ? INFINITY : 0.0;
    int64_t i = op == HY_REDUCE_PROD;
    if (op == HY_REDUCE_MAX)
        i = dtype == HAYA_INT32 ? INT32_MIN : INT64_MIN;
    if (op == HY_REDUCE_MIN)
        i = dtype == HAYA_INT32 ? INT32_MAX : INT64_MAX;
    for (int64_t c = 0; c < n; c++) {
        if (dtype == HAYA_FLOAT32)
            sums->f[c] = f;
        else
            sums->i[c] = i;
    }
}

/* The output element from its accumulator. */
static void store(const reduction *r, char *out, const accumulators *sums, int64_t c)
{
    const int64_t count = r->reduced.elements;
    const bool mean = r->op == HY_REDUCE_MEAN;
    if (r->dtype == HAYA_FLOAT32) {
        *(hy_f32 *)out = (float)(mean ? sums->f[c] / (double)count : sums->f[c]);
        return;
    }
    int64_t value = sums->i[c];
    if (mean)
        value = count == 0 ? 0 : value / count;
    if (r->dtype == HAYA_INT32)
        *(hy_i32 *)out = (int32_t)value;
    else
        *(hy_i64 *)out = value;
}

/* ---- The walk -------------------------------------------------------------------------------------------- */

/* Part `part` of the reduced elements, for the kept ones that begin at `kept`. */
static void reduce_part(const reduction *r, const char *kept, int64_t part, int64_t columns, accumulators *sums)
{
    const hy_loop *loop = &r->reduced;
    const int inner = loop->rank - 1;
    const int64_t length = loop->dims[inner], step = loop->steps[0][inner];
    const int64_t segments_of_row = hy_ceil_div(length, r->segment);
    const int64_t begin = part * r->segments_of_part;
    const int64_t end = hy_min64(begin + r->segments_of_part, r->segments);
    hy_cursor cursor;
    hy_cursor_start(&cursor, loop, inner, begin / segments_of_row);
    for (int64_t s = begin; s < end; s++) {
        const int64_t first = s % segments_of_row * r->segment;
        const char *x = kept + (cursor.at[0] - r->origin) + first * step;
        accumulate(r->op, r->dtype, sums, x, step, hy_min64(r->segment, length - first), columns);
        if (s % segments_of_row == segments_of_row - 1)
            hy_cursor_next(&cursor, loop, inner);
    }
}

/* The block's accumulators are of one part, or final where there is but one. `element`: the first kept element. */
static void put(const reduction *r, char *out, const accumulators *sums, int64_t element, int64_t n, int64_t part)
{
    const int64_t step = r->kept.steps[1][r->kept.rank - 1];
    for (int64_t c = 0; c < n; c++) {
        if (r->parts == 1)
            store(r, out + c * step, sums, c);
        else if (r->dtype == HAYA_FLOAT32)
            r->partial.f[(element + c) * r->parts + part] = sums->f[c];
        else
            r->partial.i[(element + c) * r->parts + part] = sums->i[c];
    }
}

/* `n` kept elements from `in` and `out` on: a block of columns, or one line. */
static void reduce_unit(const reduction *r, const char *in, char *out, int64_t element, int64_t n, int64_t part)
{
    const hy_loop *reduced = &r->reduced;
    const int64_t columns = r->columns ? n : 0;
    accumulators sums;
    clear(r->op, r->dtype, &sums, n);
    if (r->segments == 1) /* a row: nothing to walk */
        accumulate(r->op, r->dtype, &sums, in + (reduced->base[0] - r->origin), reduced->steps[0][0], r->segment,
                   columns);
    else if (r->segments > 1)
        reduce_part(r, in, part, columns, &sums);
    put(r, out, &sums, element, n, part);
}

static void reduce_task(void *argument, int64_t index, int worker)
{
    const reduction *r = argument;
    const hy_loop *kept = &r->kept;
    const int inner = kept->rank - 1;
    const int64_t begin = index * r->units_of_task, end = hy_min64(begin + r->units_of_task, r->units);
    const int64_t row = r->columns ? kept->dims[inner] : 1;
    int64_t part = begin % r->parts, block = begin / r->parts % r->blocks, place = begin / r->parts / r->blocks;
    hy_cursor cursor;
    (void)worker;
    hy_cursor_start(&cursor, kept, r->outer, place);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = block * r->block;
        reduce_unit(r, cursor.at[0] + first * kept->steps[0][inner], cursor.at[1] + first * kept->steps[1][inner],
                    place * row + first, hy_min64(r->block, row - first), part);
        if (++part < r->parts)
            continue;
        part = 0;
        if (++block < r->blocks)
            continue;
        block = 0;
        place++;
        hy_cursor_next(&cursor, kept, r->outer);
    }
}

/* Joins the parts of every output element. */
static void join_parts(const reduction *r)
{
    const hy_loop *kept = &r->kept;
    hy_cursor cursor;
    hy_cursor_start(&cursor, kept, kept->rank, 0);
    for (int64_t element = 0; element < kept->elements; element++) {
        accumulators sums;
        clear(r->op, r->dtype, &sums, 1);
        for (int64_t part = 0; part < r->parts; part++) {
            const int64_t at = element * r->parts + part;
            if (r->dtype == HAYA_FLOAT32)
                sums.f[0] = join_f(r->op, sums.f[0], r->partial.f[at]);
            else
                sums.i[0] = join_i(r->op, sums.i[0], r->partial.i[at]);
        }
        store(r, cursor.at[1], &sums, 0);
        hy_cursor_next(&cursor, kept, kept->rank);
    }
}

/* ---- The kernel ------------------------------------------------------------------------------------------ */

/* How the call is cut, from its views alone. */
static void plan(reduction *r, const hy_call *call)
{
    const hy_view *in = &call->in[0];
    r->op = call->reduce.op;
    r->dtype = in->dtype;
    hy_loop_init(&r->kept, (const hy_view *[]){in, &call->out}, 2, 0, call->reduce.kept);
    hy_loop_init(&r->reduced, (const hy_view *[]){in}, 1, call->reduce.kept, in->rank);
    r->parts = 1;
    if (r->kept.elements == 0)
        return;
    const int64_t row = r->kept.dims[r->kept.rank - 1], count = r->reduced.elements;
    r->columns = row >= LANES && r->kept.steps[0][r->kept.rank - 1] == r->kept.width[0];
    r->outer = r->columns ? r->kept.rank - 1 : r->kept.rank;
    r->block = r->columns ? hy_min64(row, COLUMNS) : 1;
    r->blocks = r->columns ? hy_ceil_div(row, r->block) : 1;
    r->segments = 0;
    if (count > 0) {
        const int64_t length = r->reduced.dims[r->reduced.rank - 1];
        const int64_t part = r->columns ? PART_OF_BLOCK / r->block : PART_OF_LINE;
        r->segment = hy_min64(length, part);
        r->segments = count / length * hy_ceil_div(length, r->segment);
        r->segments_of_part = part / r->segment;
        r->parts = hy_ceil_div(r->segments, r->segments_of_part);
    }
    r->units = hy_loop_rows(&r->kept, r->outer) * r->blocks * r->parts;
    r->units_of_task = hy_max64(1, TASK / hy_max64(1, count / r->parts * r->block));
}

static size_t scratch_bytes(const hy_call *call, int threads)
{
    reduction r;
    (void)threads;
    plan(&r, call);
    return r.parts == 1 ? 0 : (size_t)(r.kept.elements * r.parts) * 8;
}

static const char *run(const hy_call *call, const void *const *in, void *out, void *scratch, hy_team *team)
{
    reduction r;
    plan(&r, call);
    if (r.kept.elements == 0)
        return NULL;
    r.kept.base[0] = (char *)in[0] + r.kept.start[0];
    r.kept.base[1] = (char *)out + r.kept.start[1];
    r.origin = (const char *)in[0] + call->in[0].offset * r.kept.width[0];
    if (r.reduced.elements > 0)
        r.reduced.base[0] = (char *)in[0] + r.reduced.start[0];
    r.partial.f = scratch;
    hy_team_run(team, reduce_task, &r, hy_ceil_div(r.units, r.units_of_task));
    if (r.parts > 1)
        join_parts(&r);
    return NULL;
}

static bool accepts(const hy_call *call)
{
    const haya_dtype dtype = call->out.dtype;
    return call->in[0].dtype == dtype && (dtype == HAYA_FLOAT32 || dtype == HAYA_INT32 || dtype == HAYA_INT64);
}

const hy_kernel HY_ISA_SYMBOL(hy_kernels_reduce)[] = {
    {
        .name = "reduce",
        .family = HY_REDUCE,
        .isa = HY_ISA_THIS,
        .why = "the kernel for sums, means and extremes",
        .accepts = accepts,
        .scratch = scratch_bytes,
        .run = run,
    },
    {0},
};
