/* Correlation with a kernel as it is: four rows and sixteen columns of the result at a time, so that each number that is
 * read counts for four sums.
 *
 * Plain C11 without Python's headers, called through ctypes.
 */
#include "../_native.h"

enum { HIGH = 4, EIGHTS = 2, BAND = 32, BROAD = 256 }; /* of a patch: rows, eights; of a tile: rows, numbers */

/* A picture of floats whose rows and columns go on beyond its border. Lengths are in numbers: columns times channels. */
typedef struct {
    const float *from;
    int64_t count, channels; /* count: numbers of a row */
    const int64_t *rows;     /* which row is taken for each row from the first above the border on, or -1 for zeros */
    const int64_t *columns;  /* which number of a row likewise */
    int64_t before;          /* numbers that come before the border */
    const float *kernel;     /* (kh, kw) */
    int64_t kh, kw;
} Picture;

/* Copy some numbers of a row, borders included, from place `first` on. */
INLINE void copy_row(const Picture *p, int64_t row, int64_t first, int64_t count, float *out)
{
    const float *from = p->from + row * p->count;
    int64_t low = first > p->before ? first : p->before;
    int64_t high = first + count < p->before + p->count ? first + count : p->before + p->count;
    if (row < 0) {
        memset(out, 0, (size_t)count * sizeof *out);
        return;
    }
    for (int64_t x = first; x < low; x++)
        out[x - first] = p->columns[x] < 0 ? 0 : from[p->columns[x]];
    memcpy(out + low - first, from + low - p->before, (size_t)(high - low) * sizeof *out);
    for (int64_t x = high; x < first + count; x++)
        out[x - first] = p->columns[x] < 0 ? 0 : from[p->columns[x]];
}

/* Add one row of numbers, times a row of the kernel each, to the sums of some rows: `low` to `high`. */
INLINE void add_row(Eight sum[HIGH][EIGHTS], const float *from, int64_t channels, const float *weight, int64_t kw, int low,
                    int high)
{
    for (int64_t i = 0; i < kw; i++)
        for (int row = low; row <= high; row++)
            for (int k = 0; k < EIGHTS; k++)
                sum[row][k] += weight[i - row * kw] * *(const Eight *)(from + i * channels + k * WIDE);
}

/* The sums of a patch, whose first number is `from`; the kernel has at least as many rows as a patch. */
INLINE void sum_patch(const Picture *p, const float *from, int64_t stride, Eight sum[HIGH][EIGHTS])
{
    int64_t kh = p->kh, kw = p->kw;
    const float *weight = p->kernel;
    add_row(sum, from, p->channels, weight, kw, 0, 0);
    add_row(sum, from + stride, p->channels, weight + kw, kw, 0, 1);
    add_row(sum, from + 2 * stride, p->channels, weight + 2 * kw, kw, 0, 2);
    for (int64_t r = 3; r < kh; r++)
        add_row(sum, from + r * stride, p->channels, weight + r * kw, kw, 0, 3);
    add_row(sum, from + kh * stride, p->channels, weight + kh * kw, kw, 1, 3);
    add_row(sum, from + (kh + 1) * stride, p->channels, weight + (kh + 1) * kw, kw, 2, 3);
    add_row(sum, from + (kh + 2) * stride, p->channels, weight + (kh + 2) * kw, kw, 3, 3);
}

/* The result of a tile, (height, width), from a copy of it with its surroundings. */
INLINE void correlate_tile(const Picture *p, const float *tile, int64_t stride, float *out, int64_t out_stride,
                           int64_t height, int64_t width)
{
    for (int64_t y = 0; y < height; y += HIGH)
        for (int64_t x = 0; x < width; x += EIGHTS * WIDE) {
            Eight sum[HIGH][EIGHTS] = {{{0}}};
            int64_t rows = height - y < HIGH ? height - y : HIGH;
            int64_t columns = width - x < EIGHTS * WIDE ? width - x : EIGHTS * WIDE;
            sum_patch(p, tile + y * stride + x, stride, sum);
            for (int64_t row = 0; row < rows; row++)
                memcpy(out + (y + row) * out_stride + x, sum[row], (size_t)columns * sizeof(float));
        }
}

/* The rows first <= y < last of a correlation with a kernel of at least four rows; arguments are those of Picture.
 * width: numbers of a row of the result. Returns 0, or -1 without memory. */
API EACH_PROCESSOR int correlate_rows(const float *from, int64_t count, int64_t channels, const int64_t *rows,
                                      const int64_t *columns, int64_t before, const float *kernel, int64_t kh, int64_t kw,
                                      int64_t first, int64_t last, int64_t width, float *out)
{
    Picture p = {from, count, channels, rows, columns, before, kernel, kh, kw};
    int64_t more = (kw - 1) * channels, stride = BROAD + more + WIDE; /* not a power of two */
    float *tile = calloc((size_t)((BAND + kh - 1 + HIGH) * stride), sizeof *tile);
    if (!tile)
        return -1;
    for (int64_t y = first; y < last; y += BAND)
        for (int64_t x = 0; x < width; x += BROAD) {
            int64_t high = last - y < BAND ? last - y : BAND, broad = width - x < BROAD ? width - x : BROAD;
            for (int64_t row = 0; row < high + kh - 1; row++)
                copy_row(&p, rows[y + row], x, broad + more, tile + row * stride);
            correlate_tile(&p, tile, stride, out + y * width + x, width, high, broad);
        }
    free(tile);
    return 0;
}
