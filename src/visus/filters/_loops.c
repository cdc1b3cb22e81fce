/* The inner loops that no library has, or none as fast: suppression along the gradient, hysteresis, a symmetric column
 * and row.
 *
 * Plain C11 without Python's headers, called through ctypes, which lets go of the interpreter's lock: Python gives
 * bands of rows or columns to threads. Pictures are row-major and contiguous; a "padded" picture has one more row
 * and column on each side.
 */
#include "../_native.h"

/* Canny (1986), section IV: the edges are the maxima of the gradient's magnitude along its direction. ------------- */

/* Whether pixels of one row are such maxima; the two neighbors lie between pixels and are interpolated.
 *
 * Multiplied by the longer component, the interpolation needs no division: with |gx| >= |gy| the neighbor ahead is
 * (1 - t) * east + t * southeast with t = |gy| / |gx|. A plateau of two equal pixels keeps one of them.
 */
static inline int is_maximum(const float *above, const float *here, const float *below, float gx, float gy)
{
    float ax = gx < 0 ? -gx : gx, ay = gy < 0 ? -gy : gy;
    int flat = ax >= ay;          /* the gradient is nearer to the x axis */
    int falling = gx * gy > 0;    /* it points to the south-east or the north-west */
    float longer = flat ? ax : ay, shorter = flat ? ay : ax;
    float ahead = flat ? here[1] : below[0];
    float behind = flat ? here[-1] : above[0];
    float ahead_diagonal = falling ? below[1] : flat ? above[1] : below[-1];
    float behind_diagonal = falling ? above[-1] : flat ? below[-1] : above[1];
    float at = here[0] * longer, rest = longer - shorter;
    return (at > rest * ahead + shorter * ahead_diagonal) & (at >= rest * behind + shorter * behind_diagonal);
}

/* Suppress what is no maximum: out is 0 there, and the magnitude elsewhere.
 *
 * gx, gy, out: (height, width); magnitude: padded, with zeros on its margin. Rows first <= y < last.
 */
API EACH_PROCESSOR void suppress(const float *gx, const float *gy, const float *magnitude, float *out,
                                 int64_t width, int64_t first, int64_t last)
{
    int64_t stride = width + 2;
    for (int64_t y = first; y < last; y++) {
        const float *here = magnitude + (y + 1) * stride + 1;
        const float *x_row = gx + y * width, *y_row = gy + y * width;
        float *row = out + y * width;
        for (int64_t x = 0; x < width; x++) {
            int keep = is_maximum(here - stride + x, here + x, here + stride + x, x_row[x], y_row[x]);
            row[x] = keep ? here[x] : 0.0f;
        }
    }
}

/* Magnitude of the gradient, written into a padded picture. */
API EACH_PROCESSOR void magnitude(const float *gx, const float *gy, float *out, int64_t width, int64_t first,
                                  int64_t last)
{
    for (int64_t y = first; y < last; y++)
        for (int64_t x = 0; x < width; x++) {
            float along = gx[y * width + x], down = gy[y * width + x];
            out[(y + 1) * (width + 2) + 1 + x] = __builtin_sqrtf(along * along + down * down);
        }
}

/* Magnitude, suppression and double threshold in one pass over the rows first <= y < last of a gradient (height, width):
 * classes (padded) become 0, 1 from low on, 2 from high on. Returns 0, or -1 without memory. */
API EACH_PROCESSOR int classify(const float *gx, const float *gy, uint8_t *classes, float low, float high,
                                int64_t height, int64_t width, int64_t first, int64_t last)
{
    int64_t stride = width + 2;
    float *ring = calloc((size_t)(4 * stride), sizeof *ring); /* three padded rows of magnitudes, and one of maxima */
    if (!ring)
        return -1;
    float *maxima = ring + 3 * stride + 1;
    for (int64_t y = first - 1; y <= last; y++) {
        float *newest = ring + (y + 3) % 3 * stride + 1;
        if (y < 0 || y >= height)
            memset(newest, 0, (size_t)width * sizeof *newest);
        else
            for (int64_t x = 0; x < width; x++) {
                float along = gx[y * width + x], down = gy[y * width + x];
                newest[x] = __builtin_sqrtf(along * along + down * down);
            }
        int64_t at = y - 1; /* the row whose neighbors are known by now */
        if (at < first)
            continue;
        const float *above = ring + (y + 1) % 3 * stride + 1, *here = ring + (y + 2) % 3 * stride + 1;
        const float *x_row = gx + at * width, *y_row = gy + at * width;
        uint8_t *row = classes + (at + 1) * stride + 1;
        for (int64_t x = 0; x < width; x++) {
            int keep = is_maximum(above + x, here + x, newest + x, x_row[x], y_row[x]);
            maxima[x] = keep ? here[x] : -1.0f;
        }
        for (int64_t x = 0; x < width; x++)
            row[x] = (uint8_t)((maxima[x] >= low) + (maxima[x] >= high));
    }
    free(ring);
    return 0;
}

/* Hysteresis: weak pixels (1) that touch a strong one (2) through their eight neighbors become strong.
 *
 * classes: padded, with zeros on its margin. Returns 0, or -1 without memory.
 */
API int hysteresis(uint8_t *classes, int64_t height, int64_t width)
{
    int64_t stride = width + 2, count = (height + 2) * stride, room = 1 << 14, depth = 0;
    const int64_t around[8] = {-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1};
    int64_t *stack = malloc((size_t)room * sizeof *stack);
    if (!stack)
        return -1;
    for (uint8_t *next = classes; (next = memchr(next, 2, (size_t)(classes + count - next))); next++) {
        stack[depth++] = next - classes;
        while (depth) {
            int64_t at = stack[--depth];
            for (int k = 0; k < 8; k++) {
                int64_t neighbor = at + around[k];
                if (classes[neighbor] != 1)
                    continue;
                classes[neighbor] = 2;
                stack[depth++] = neighbor;
            }
            if (depth + 8 > room) {
                int64_t *larger = realloc(stack, (size_t)(room *= 2) * sizeof *stack);
                if (!larger) {
                    free(stack);
                    return -1;
                }
                stack = larger;
            }
        }
    }
    free(stack);
    return 0;
}

/* A symmetric column and row in one pass: each row is summed over its neighbors above and below into a line, and that
 * over its neighbors to the left and right, while both are in the fastest cache. ---------------------------------- */

/* 32 sums at a time: the middle, and pairs that have the same weight. */
INLINE void sum_pairs(const float *const *before, const float *const *after, const float *middle, int64_t at,
                      const float *weight, int64_t reach, float *out)
{
    Eight sum[4];
    for (int k = 0; k < 4; k++)
        sum[k] = weight[0] * *(const Eight *)(middle + at + k * WIDE);
    for (int64_t step = 1; step <= reach; step++) {
        const float *one = before[step] + at, *other = after[step] + at;
        float w = weight[step];
        Eight all = {w, w, w, w, w, w, w, w};
        for (int k = 0; k < 4; k++)
            sum[k] += all * (*(const Eight *)(one + k * WIDE) + *(const Eight *)(other + k * WIDE));
    }
    for (int k = 0; k < 4; k++)
        *(Eight *)(out + at + k * WIDE) = sum[k];
}

/* A whole line of such sums. */
INLINE void sum_line(const float *const *before, const float *const *after, const float *middle, int64_t count,
                     const float *weight, int64_t reach, float *out)
{
    int64_t x = 0;
    for (; x + 4 * WIDE <= count; x += 4 * WIDE)
        sum_pairs(before, after, middle, x, weight, reach, out);
    for (; x < count; x++) {
        float sum = weight[0] * middle[x];
        for (int64_t step = 1; step <= reach; step++)
            sum += weight[step] * (before[step][x] + after[step][x]);
        out[x] = sum;
    }
}

INLINE void load_bytes(const uint8_t *restrict bytes, float *restrict out, int64_t count)
{
    for (int64_t x = 0; x < count; x++)
        out[x] = bytes[x];
}

/* Whole numbers from 0 to 255, halves to the even one: adding 1.5 * 2^23 rounds, and leaves the number in the lowest
 * bits. What is smoothed lies within half a level of 0 to 255. */
INLINE void store_bytes(const float *restrict values, uint8_t *restrict out, int64_t count)
{
    for (int64_t x = 0; x < count; x++) {
        union {
            float real;
            uint32_t bits;
        } number = {values[x] + 12582912.0f};
        out[x] = (uint8_t)number.bits;
    }
}

/* The rows first <= y < last of a picture, smoothed. count: numbers of a row, that is columns times channels.
 *
 * from, out: floats, or bytes where is_bytes. rows: (height + 2 reach), which row is taken for each row from `reach`
 * above the first one on, -1 for nothing; columns: likewise (count + 2 reach channels). weight: (reach + 1), from the
 * middle on. Returns 0, or -1 without memory.
 */
API EACH_PROCESSOR int smooth_rows(const void *from, void *out, int is_bytes, int64_t count, int64_t channels,
                                   const int64_t *rows, const int64_t *columns, const float *weight, int64_t reach,
                                   int64_t first, int64_t last)
{
    int64_t taps = 2 * reach + 1, margin = reach * channels, wide = count + 2 * margin;
    int64_t stride = (count + 31) / 16 * 16 + 16; /* not a power of two, whose rows would drive each other out of the cache */
    float *room = malloc((size_t)(wide + count + taps * stride) * sizeof *room);
    const float **near = malloc((size_t)(2 * (reach + 1)) * sizeof *near);
    if (!room || !near) {
        free(room), free(near);
        return -1;
    }
    float *line = room + margin, *result = room + wide, *ring = result + count;
    const float **before = near, **after = before + reach + 1;
    for (int64_t y = first - reach; y < last + reach; y++) { /* the newest row; it completes the one `reach` above */
        int64_t row = rows[y + reach];
        float *newest = ring + (y - first + reach) % taps * stride;
        if (row < 0)
            memset(newest, 0, (size_t)count * sizeof *newest);
        else if (!is_bytes)
            memcpy(newest, (const float *)from + row * count, (size_t)count * sizeof *newest);
        else
            load_bytes((const uint8_t *)from + row * count, newest, count);
        int64_t at = y - reach;
        if (at < first)
            continue;
        int64_t middle = (at - first + reach) % taps;
        for (int64_t step = 1; step <= reach; step++) {
            before[step] = ring + (middle - step + taps) % taps * stride;
            after[step] = ring + (middle + step) % taps * stride;
        }
        sum_line(before, after, ring + middle * stride, count, weight, reach, line);
        for (int64_t x = 0; x < margin; x++) {
            int64_t left = columns[x], right = columns[margin + count + x];
            line[x - margin] = left < 0 ? 0 : line[left];
            line[count + x] = right < 0 ? 0 : line[right];
        }
        for (int64_t step = 1; step <= reach; step++) {
            before[step] = line - step * channels;
            after[step] = line + step * channels;
        }
        float *target = is_bytes ? result : (float *)out + at * count;
        sum_line(before, after, line, count, weight, reach, target);
        if (is_bytes)
            store_bytes(result, (uint8_t *)out + at * count, count);
    }
    free(room), free(near);
    return 0;
}
