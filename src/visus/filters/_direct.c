/* Correlation with a kernel as it is: four rows and 24 columns of the result at a time, so that each number that is
 * read counts for four sums.
 *
 * Plain C11 without Python's headers, called through ctypes.
 */
#include "_borders.h"

enum { HIGH = 4, EIGHTS = 3, BAND = 32, BROAD = 11 * EIGHTS * WIDE }; /* of a patch: rows, eights; of a tile: rows, numbers */

/* A kernel as it is. */
typedef struct {
    const float *weight; /* (height, width) */
    int64_t height, width, channels; /* of the picture whose columns it weighs */
} Kernel;

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
INLINE void sum_patch(const Kernel *kernel, const float *from, int64_t stride, Eight sum[HIGH][EIGHTS])
{
    int64_t kh = kernel->height, kw = kernel->width, channels = kernel->channels;
    const float *weight = kernel->weight;
    add_row(sum, from, channels, weight, kw, 0, 0);
    add_row(sum, from + stride, channels, weight + kw, kw, 0, 1);
    add_row(sum, from + 2 * stride, channels, weight + 2 * kw, kw, 0, 2);
    for (int64_t r = 3; r < kh; r++)
        add_row(sum, from + r * stride, channels, weight + r * kw, kw, 0, 3);
    add_row(sum, from + kh * stride, channels, weight + kh * kw, kw, 1, 3);
    add_row(sum, from + (kh + 1) * stride, channels, weight + (kh + 1) * kw, kw, 2, 3);
    add_row(sum, from + (kh + 2) * stride, channels, weight + (kh + 2) * kw, kw, 3, 3);
}

/* Write the first `columns` sums of a row of a patch. */
INLINE void store(const Eight sum[EIGHTS], int64_t columns, float *out)
{
    if (columns < EIGHTS * WIDE)
        memcpy(out, sum, (size_t)columns * sizeof *out);
    else
        for (int k = 0; k < EIGHTS; k++)
            *(Eight *)(out + k * WIDE) = sum[k];
}

/* The result of a tile, (height, width), from a copy of it with its surroundings. */
INLINE void correlate_tile(const Kernel *kernel, const float *tile, int64_t stride, float *out, int64_t out_stride,
                           int64_t height, int64_t width)
{
    for (int64_t y = 0; y < height; y += HIGH)
        for (int64_t x = 0; x < width; x += EIGHTS * WIDE) {
            Eight sum[HIGH][EIGHTS] = {{{0}}};
            int64_t rows = height - y < HIGH ? height - y : HIGH;
            int64_t columns = width - x < EIGHTS * WIDE ? width - x : EIGHTS * WIDE;
            sum_patch(kernel, tile + y * stride + x, stride, sum);
            for (int64_t row = 0; row < rows; row++)
                store(sum[row], columns, out + (y + row) * out_stride + x);
        }
}

/* The rows first <= y < last of a correlation with a kernel of at least four rows; arguments are those of Picture
 * and Kernel. width: numbers of a row of the result. Returns 0, or -1 without memory. */
API EACH_PROCESSOR int correlate_rows(const float *from, int64_t count, int64_t channels, const int64_t *rows,
                                      const int64_t *columns, int64_t before, const float *kernel, int64_t kh, int64_t kw,
                                      int64_t first, int64_t last, int64_t width, float *out)
{
    Picture p = {from, 0, count, channels, rows, columns, before};
    Kernel own = {kernel, kh, kw, channels};
    int64_t more = (kw - 1) * channels, stride = stride_for(BROAD + more);
    float *all = calloc((size_t)((BAND + kh - 1 + HIGH) * stride + LINE), sizeof *all), *tile;
    if (!all)
        return -1;
    tile = at_line(all);
    for (int64_t y = first; y < last; y += BAND)
        for (int64_t x = 0; x < width; x += BROAD) {
            int64_t high = last - y < BAND ? last - y : BAND, broad = width - x < BROAD ? width - x : BROAD;
            for (int64_t row = 0; row < high + kh - 1; row++)
                copy_row(&p, rows[y + row], x, broad + more, tile + row * stride);
            correlate_tile(&own, tile, stride, out + y * width + x, width, high, broad);
        }
    free(all);
    return 0;
}
