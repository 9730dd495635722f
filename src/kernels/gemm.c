/* SPDX-License-Identifier: Apache-2.0
 *
 * The matrix product's inner loops. A task sweeps a panel of B, up to HY_GEMM_COLUMNS columns, over its rows:
 *
 *     for each panel of columns
 *         for each part of k                        (HY_GEMM_PANEL_K long, so that its copy stays in L1 or L2)
 *             copy that part of the panel
 *             for each tile of HY_GEMM_ROWS rows
 *                 add to the tile's sums            (in registers)
 */
#include "kernels/gemm.h"

#include "kernels/quad.h"

/* ---- Scratch and tasks ------------------------------------------------------------------------------------- */

static size_t table_bytes(int64_t max_segments)
{
    size_t bytes = (size_t)max_segments * (HY_GEMM_BLOCK_ROWS * sizeof(hy_f32 *) + sizeof(int64_t))
        + 2 * HY_GEMM_BLOCK_ROWS * sizeof(int64_t);
    return hy_round_up(bytes, HY_CACHE_LINE);
}

size_t hy_gemm_work_size(int64_t max_segments)
{
    size_t panel = (size_t)HY_GEMM_PANEL_K * HY_GEMM_COLUMNS * sizeof(float);
    size_t sums = (size_t)HY_GEMM_BLOCK_ROWS * HY_GEMM_COLUMNS * sizeof(float);
    return table_bytes(max_segments) + panel + sums;
}

hy_gemm_work hy_gemm_work_at(void *scratch, int worker, int64_t max_segments)
{
    char *memory = (char *)scratch + (size_t)worker * hy_gemm_work_size(max_segments);
    hy_gemm_work work = {0};
    work.panel = (float *)memory;
    work.sums = work.panel + HY_GEMM_PANEL_K * HY_GEMM_COLUMNS;
    work.out = (int64_t *)(work.sums + HY_GEMM_BLOCK_ROWS * HY_GEMM_COLUMNS);
    work.residual = work.out + HY_GEMM_BLOCK_ROWS;
    work.segment = work.residual + HY_GEMM_BLOCK_ROWS;
    work.a = (const hy_f32 **)(work.segment + max_segments);
    return work;
}

/* Many rows: tasks take all columns, so that pointers are made once. Few rows: columns are shared out too, and in
   the end smaller blocks of rows, until there is work for some dozens of threads. */
hy_gemm_cut hy_gemm_cut_make(int64_t m, int64_t n)
{
    enum { enough = 32, block_columns = 64, fewest_rows = 96 };
    hy_gemm_cut cut = {.row_blocks = hy_ceil_div(m, HY_GEMM_BLOCK_ROWS), .columns = hy_max64(n, 1)};
    if (cut.row_blocks < enough)
        cut.columns = block_columns;
    cut.column_blocks = hy_ceil_div(n, cut.columns);
    while (cut.row_blocks && cut.row_blocks * cut.column_blocks < enough && m / (cut.row_blocks + 1) >= fewest_rows)
        cut.row_blocks++;
    cut.rows = (int64_t)hy_round_up((size_t)hy_ceil_div(m, hy_max64(cut.row_blocks, 1)), HY_GEMM_ROWS);
    cut.row_blocks = hy_ceil_div(m, hy_max64(cut.rows, 1));
    return cut;
}

/* ---- The tile ---------------------------------------------------------------------------------------------- */

/* One row of a tile. How many vectors it has is known where the functions below are inlined; the others vanish.
   Compilers keep named members in registers; arrays they spill. */
typedef struct tile_row {
    hy_vf v0, v1, v2, v3;
} tile_row;

HY_ALWAYS_INLINE tile_row row_load(const hy_f32 *from, int vectors)
{
    tile_row row = {.v0 = hy_vf_load(from)};
    if (vectors >= 2)
        row.v1 = hy_vf_load(from + HY_LANES);
    if (vectors >= 4) {
        row.v2 = hy_vf_load(from + 2 * HY_LANES);
        row.v3 = hy_vf_load(from + 3 * HY_LANES);
    }
    return row;
}

HY_ALWAYS_INLINE void row_store(float *to, tile_row row, int vectors)
{
    hy_vf_store(to, row.v0);
    if (vectors >= 2)
        hy_vf_store(to + HY_LANES, row.v1);
    if (vectors >= 4) {
        hy_vf_store(to + 2 * HY_LANES, row.v2);
        hy_vf_store(to + 3 * HY_LANES, row.v3);
    }
}

HY_ALWAYS_INLINE tile_row row_add_product(tile_row sum, float a, tile_row b, int vectors)
{
    hy_vf x = hy_vf_splat(a);
    sum.v0 = hy_vf_fma(x, b.v0, sum.v0);
    if (vectors >= 2)
        sum.v1 = hy_vf_fma(x, b.v1, sum.v1);
    if (vectors >= 4) {
        sum.v2 = hy_vf_fma(x, b.v2, sum.v2);
        sum.v3 = hy_vf_fma(x, b.v3, sum.v3);
    }
    return sum;
}

HY_ALWAYS_INLINE void sum_tile(const hy_gemm_tile *tile, int vectors)
{
    const int64_t columns = vectors * HY_LANES, first = tile->part.first, length = tile->part.length;
    const bool six = HY_GEMM_ROWS == 6;
    float *sums = tile->sums;
    const hy_f32 *b = tile->b;
    tile_row r0 = {0}, r1 = {0}, r2 = {0}, r3 = {0}, r4 = {0}, r5 = {0};
    if (!tile->begin) {
        r0 = row_load(sums, vectors);
        r1 = row_load(sums + columns, vectors);
        r2 = row_load(sums + 2 * columns, vectors);
        r3 = row_load(sums + 3 * columns, vectors);
        if (six) {
            r4 = row_load(sums + 4 * columns, vectors);
            r5 = row_load(sums + 5 * columns, vectors);
        }
    }
    for (int64_t s = 0; s < tile->part.segments; s++) {
        const hy_f32 *const *a = tile->a + s * HY_GEMM_BLOCK_ROWS;
        const hy_f32 *a0 = a[0] + first, *a1 = a[1] + first, *a2 = a[2] + first, *a3 = a[3] + first;
        const hy_f32 *a4 = six ? a[4] + first : a0, *a5 = six ? a[5] + first : a0;
        for (int64_t k = 0; k < length; k++, b += tile->b_stride) {
            tile_row row = row_load(b, vectors);
            r0 = row_add_product(r0, a0[k], row, vectors);
            r1 = row_add_product(r1, a1[k], row, vectors);
            r2 = row_add_product(r2, a2[k], row, vectors);
            r3 = row_add_product(r3, a3[k], row, vectors);
            if (six) {
                r4 = row_add_product(r4, a4[k], row, vectors);
                r5 = row_add_product(r5, a5[k], row, vectors);
            }
        }
    }
    row_store(sums, r0, vectors);
    row_store(sums + columns, r1, vectors);
    row_store(sums + 2 * columns, r2, vectors);
    row_store(sums + 3 * columns, r3, vectors);
    if (six) {
        row_store(sums + 4 * columns, r4, vectors);
        row_store(sums + 5 * columns, r5, vectors);
    }
}

static void sum_tile_narrow(const hy_gemm_tile *tile)
{
    sum_tile(tile, 1);
}

#if HY_GEMM_VECTORS == 4
static void sum_tile_whole(const hy_gemm_tile *tile)
{
    sum_tile(tile, 4);
}
#endif

static void sum_tile_half(const hy_gemm_tile *tile)
{
    sum_tile(tile, 2);
}

/* The widest tile that `columns` columns fill, or the narrowest that holds them. */
static int tile_vectors(int64_t columns)
{
#if HY_GEMM_VECTORS == 4
    if (columns > 3 * HY_LANES)
        return 4;
#endif
    return columns > HY_LANES ? 2 : 1;
}

static void (*tile_function(int vectors))(const hy_gemm_tile *)
{
#if HY_GEMM_VECTORS == 4
    if (vectors == 4)
        return sum_tile_whole;
#endif
    return vectors == 2 ? sum_tile_half : sum_tile_narrow;
}

/* ---- The strip --------------------------------------------------------------------------------------------- */

/* Rows of A, of which the first `rows` count, from some k on. */
typedef struct strip_rows {
    const float *a0, *a1, *a2, *a3, *a4, *a5;
} strip_rows;

typedef struct strip_sums {
    tile_row r0, r1, r2, r3, r4, r5;
} strip_sums;

HY_ALWAYS_INLINE void add_step(strip_sums *sums, const strip_rows *a, int64_t k, const float *b, int rows, int vectors)
{
    tile_row row = row_load(b, vectors);
    sums->r0 = row_add_product(sums->r0, a->a0[k], row, vectors);
    sums->r1 = row_add_product(sums->r1, a->a1[k], row, vectors);
    sums->r2 = row_add_product(sums->r2, a->a2[k], row, vectors);
    sums->r3 = row_add_product(sums->r3, a->a3[k], row, vectors);
    if (rows == 6) {
        sums->r4 = row_add_product(sums->r4, a->a4[k], row, vectors);
        sums->r5 = row_add_product(sums->r5, a->a5[k], row, vectors);
    }
}

HY_ALWAYS_INLINE void sum_strip(const hy_gemm_strip *s, strip_rows a, int rows, int vectors)
{
    enum { columns = HY_GEMM_COLUMNS, line = HY_CACHE_LINE / sizeof(float) };
    const float *b = s->b;
    float *to = s->sums;
    strip_sums sums = {0};
    if (!s->begin) {
        sums.r0 = row_load(to, vectors), sums.r1 = row_load(to + columns, vectors);
        sums.r2 = row_load(to + 2 * columns, vectors), sums.r3 = row_load(to + 3 * columns, vectors);
        if (rows == 6)
            sums.r4 = row_load(to + 4 * columns, vectors), sums.r5 = row_load(to + 5 * columns, vectors);
    }
    const char *ahead = s->ahead.at;
    const int64_t step = s->ahead.step, length = s->length, a_ahead = s->a_ahead;
    for (int64_t k = 0; k < length; k++, b += columns) {
        if (k % HY_GEMM_STEPS_CALLED == 0) {
            __builtin_prefetch(ahead, 0, 2);
            ahead += step;
            if (k % line == 0) {
                const float *next[] = {a.a0 + k + a_ahead, a.a1 + k + a_ahead, a.a2 + k + a_ahead,
                                       a.a3 + k + a_ahead, a.a4 + k + a_ahead, a.a5 + k + a_ahead};
                for (int i = 0; i < rows; i++)
                    __builtin_prefetch(next[i], 0, 2);
            }
        }
        add_step(&sums, &a, k, b, rows, vectors);
    }
    row_store(to, sums.r0, vectors), row_store(to + columns, sums.r1, vectors);
    row_store(to + 2 * columns, sums.r2, vectors), row_store(to + 3 * columns, sums.r3, vectors);
    if (rows == 6)
        row_store(to + 4 * columns, sums.r4, vectors), row_store(to + 5 * columns, sums.r5, vectors);
}

HY_ALWAYS_INLINE void sum_long_strip(const hy_gemm_strip *s, int vectors)
{
    const float *a = s->a;
    int64_t row = s->a_row;
    strip_rows all = {a, a + row, a + 2 * row, a + 3 * row, a + 4 * row, a + 5 * row};
    sum_strip(s, all, HY_GEMM_ROWS, vectors);
}

HY_ALWAYS_INLINE void sum_short_strip(const hy_gemm_strip *s, int64_t rows, int vectors)
{
    const float *a0 = s->a, *a1 = rows > 1 ? a0 + s->a_row : a0, *a2 = rows > 2 ? a1 + s->a_row : a1;
    const float *a3 = rows > 3 ? a2 + s->a_row : a2;
    strip_rows all = {a0, a1, a2, a3, a3, a3};
    sum_strip(s, all, HY_GEMM_SHORT_ROWS, vectors);
}

void hy_gemm_sum_strip(const hy_gemm_strip *s)
{
    if (s->columns > HY_GEMM_COLUMNS / 2)
        sum_long_strip(s, HY_GEMM_VECTORS);
    else if (HY_GEMM_VECTORS == 4 && s->columns > HY_LANES)
        sum_long_strip(s, 2);
    else
        sum_long_strip(s, 1);
}

void hy_gemm_sum_short_strip(const hy_gemm_strip *s, int64_t rows)
{
    if (s->columns > HY_GEMM_COLUMNS / 2)
        sum_short_strip(s, rows, HY_GEMM_VECTORS);
    else if (HY_GEMM_VECTORS == 4 && s->columns > HY_LANES)
        sum_short_strip(s, rows, 2);
    else
        sum_short_strip(s, rows, 1);
}

/* ---- The panel --------------------------------------------------------------------------------------------- */

/* 4 x 4 */
HY_ALWAYS_INLINE void transpose_quads(float *to, int64_t to_stride, const hy_f32 *from, int64_t from_stride)
{
    hy_quads m = {hy_quad_load(from), hy_quad_load(from + from_stride), hy_quad_load(from + 2 * from_stride),
                  hy_quad_load(from + 3 * from_stride)};
    m = hy_quads_transpose(m);
    hy_quad_store(to, m.r0);
    hy_quad_store(to + to_stride, m.r1);
    hy_quad_store(to + 2 * to_stride, m.r2);
    hy_quad_store(to + 3 * to_stride, m.r3);
}

/* Strides are often powers of two, where lines of many rows don't fit the cache together; a cache line of `to` is
   filled from 16 rows. */
void hy_gemm_transpose(float *to, int64_t to_stride, const hy_f32 *from, int64_t from_stride, int64_t rows,
                       int64_t columns)
{
    int64_t whole_rows = rows & ~(int64_t)3, whole_columns = columns & ~(int64_t)3;
    for (int64_t first = 0; first < whole_rows; first += 16)
        for (int64_t j = 0; j < whole_columns; j += 4)
            for (int64_t i = first; i < hy_min64(first + 16, whole_rows); i += 4)
                transpose_quads(to + j * to_stride + i, to_stride, from + i * from_stride + j, from_stride);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; j++)
            to[j * to_stride + i] = from[i * from_stride + j];
}

/* to[k][j] = b[k * b_k + j * b_n] for j < count, 0 up to `columns`. */
static void copy_panel(float *to, int64_t columns, const hy_gemm *gemm, const hy_f32 *b, int64_t length,
                       int64_t count)
{
    if (gemm->b_n != 1 && gemm->b_k == 1) {
        hy_gemm_transpose(to, columns, b, gemm->b_n, count, length);
    } else if (gemm->b_n != 1) {
        for (int64_t k = 0; k < length; k++)
            for (int64_t j = 0; j < count; j++)
                to[k * columns + j] = b[k * gemm->b_k + j * gemm->b_n];
    } else if (count == columns) {
        for (int64_t k = 0; k < length; k++)
            for (int64_t j = 0; j < columns; j += HY_LANES)
                hy_vf_store(to + k * columns + j, hy_vf_load(b + k * gemm->b_k + j));
    } else {
        for (int64_t k = 0; k < length; k++)
            for (int64_t j = 0; j < columns; j += HY_LANES)
                hy_vf_store(to + k * columns + j,
                            hy_vf_load_part(b + k * gemm->b_k + j, hy_max64(0, hy_min64(count - j, HY_LANES))));
    }
    if (gemm->b_n != 1)
        for (int64_t k = 0; k < length; k++)
            for (int64_t j = count; j < columns; j++)
                to[k * columns + j] = 0;
}

/* Short segments are taken several at a time; long ones in chunks, all segments of one chunk before the next, since
   they read overlapping pixels. An empty sum has one part, of no segments. */
static int64_t k_parts(int64_t segments, int64_t length)
{
    if (segments == 0 || length == 0)
        return 1;
    if (length <= HY_GEMM_PANEL_K)
        return hy_ceil_div(segments, HY_GEMM_PANEL_K / length);
    return segments * hy_ceil_div(length, HY_GEMM_PANEL_K);
}

static hy_gemm_part k_part_at(int64_t segments, int64_t length, int64_t index)
{
    if (segments == 0 || length == 0)
        return (hy_gemm_part){0};
    if (length <= HY_GEMM_PANEL_K) {
        int64_t step = HY_GEMM_PANEL_K / length, first = index * step;
        return (hy_gemm_part){.segment = first, .segments = hy_min64(step, segments - first), .length = length};
    }
    int64_t chunk = (int64_t)hy_round_up((size_t)hy_ceil_div(length, hy_ceil_div(length, HY_GEMM_PANEL_K)), 4);
    int64_t first = index / segments * chunk;
    return (hy_gemm_part){.segment = index % segments, .segments = 1, .first = hy_min64(first, length),
                    .length = hy_max64(0, hy_min64(chunk, length - first))};
}

static void store_tile(const hy_gemm *gemm, const hy_gemm_work *work, const hy_store_columns *epilogue,
                       const float *sums, int64_t columns, int64_t row, int64_t column, int64_t count)
{
    const hy_store *store = &gemm->store;
    int64_t rows = hy_min64(HY_GEMM_ROWS, work->rows - row);
    for (int64_t i = 0; i < rows; i++) {
        const hy_f32 *residual = NULL;
        if (store->residual)
            residual = store->residual + work->residual[row + i] + column * store->residual_channel;
        hy_store_row(store, epilogue, sums + i * columns, count, residual,
                     store->out + work->out[row + i] + column * store->out_channel);
    }
}

/* `count` columns from `column` on, at most `vectors` vectors, for all rows. */
static void run_panel(const hy_gemm *gemm, const hy_gemm_work *work, int64_t column, int64_t count, int vectors)
{
    void (*sum)(const hy_gemm_tile *) = tile_function(vectors);
    int64_t columns = vectors * HY_LANES, parts = k_parts(work->segments, gemm->length);
    hy_store_columns epilogue;
    hy_store_columns_load(&epilogue, &gemm->store, column, count);
    for (int64_t p = 0; p < parts; p++) {
        hy_gemm_part part = k_part_at(work->segments, gemm->length, p);
        for (int64_t s = 0; s < part.segments; s++) {
            const hy_f32 *b = gemm->b + work->segment[part.segment + s] + part.first * gemm->b_k;
            copy_panel(work->panel + s * part.length * columns, columns, gemm, b + column * gemm->b_n, part.length,
                       count);
        }
        hy_gemm_tile tile = {.b = work->panel, .b_stride = columns, .part = part, .begin = p == 0};
        for (int64_t row = 0; row < work->rows; row += HY_GEMM_ROWS) {
            tile.a = work->a + part.segment * HY_GEMM_BLOCK_ROWS + row;
            tile.sums = work->sums + row * columns;
            sum(&tile);
            if (p == parts - 1)
                store_tile(gemm, work, &epilogue, tile.sums, columns, row, column, count);
        }
    }
}

void hy_gemm_block(const hy_gemm *gemm, hy_gemm_work *work, int64_t first, int64_t last)
{
    /* The last tile's missing rows repeat a row that exists; their sums are not stored. */
    for (int64_t s = 0; s < work->segments; s++) {
        const hy_f32 **a = work->a + s * HY_GEMM_BLOCK_ROWS;
        for (int64_t i = work->rows; i % HY_GEMM_ROWS; i++)
            a[i] = a[work->rows - 1];
    }
    for (int64_t column = first; column < last;) {
        int vectors = tile_vectors(last - column);
        int64_t count = hy_min64(last - column, vectors * HY_LANES);
        run_panel(gemm, work, column, count, vectors);
        column += count;
    }
}
