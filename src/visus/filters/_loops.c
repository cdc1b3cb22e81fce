/* The inner loops that no library has, or none as fast: derivatives, suppression along the gradient, hysteresis.
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

/* Derivatives in one pass: each row is summed over its neighbors above and below into lines, and these over their
 * neighbors to the left and right, while all are in the fastest cache. -------------------------------------------- */

/* A picture whose rows are taken one after the other; the last 2 reach + 1 are at hand as floats. */
typedef struct {
    const void *from;     /* floats, or bytes where is_bytes */
    int is_bytes;
    int64_t count, reach; /* numbers of a row, that is columns times channels; rows on each side that are heard of */
    int64_t margin;       /* reach times channels */
    const int64_t *rows;  /* (height + 2 reach): which row is taken for each from `reach` above the first, or -1 */
    const int64_t *columns; /* (count + 2 margin): which number of a row likewise */
    int64_t stride;
    float *all, *ring;             /* ring: (2 reach + 1, stride), at the beginning of a line of the cache */
    const float **before, **after; /* (reach + 1): the rows above and below the present one, by their distance */
} Rows;

/* 0 without memory. */
static int open_rows(Rows *r)
{
    r->stride = (r->count + 31) / 16 * 16 + 16; /* not a power of two, whose rows would drive each other out of the cache */
    r->all = calloc((size_t)((2 * r->reach + 1) * r->stride + LINE), sizeof *r->all);
    r->ring = r->all ? at_line(r->all) : NULL;
    r->before = malloc((size_t)(2 * (r->reach + 1)) * sizeof *r->before);
    r->after = r->before + r->reach + 1;
    return r->all && r->before;
}

static void close_rows(Rows *r)
{
    free(r->all), free(r->before);
}

/* Take the row y + reach, and give row y, with those around it in `before` and `after`. */
INLINE const float *take_row(Rows *r, int64_t y)
{
    int64_t taps = 2 * r->reach + 1, row = r->rows[y + 2 * r->reach];
    float *restrict newest = r->ring + (y + 2 * r->reach) % taps * r->stride;
    const uint8_t *restrict bytes = (const uint8_t *)r->from + row * r->count;
    if (row < 0)
        memset(newest, 0, (size_t)r->count * sizeof *newest);
    else if (!r->is_bytes)
        memcpy(newest, (const float *)r->from + row * r->count, (size_t)r->count * sizeof *newest);
    else
        for (int64_t x = 0; x < r->count; x++)
            newest[x] = bytes[x];
    if (y < 0) /* there are not enough yet */
        return NULL;
    for (int64_t step = 1; step <= r->reach; step++) {
        r->before[step] = r->ring + (y + r->reach - step) % taps * r->stride;
        r->after[step] = r->ring + (y + r->reach + step) % taps * r->stride;
    }
    return r->ring + (y + r->reach) % taps * r->stride;
}

/* A line, which has room for that, goes on beyond its border. */
INLINE void go_on(const Rows *r, float *line)
{
    for (int64_t x = 0; x < r->margin; x++) {
        int64_t left = r->columns[x], right = r->columns[r->margin + r->count + x];
        line[x - r->margin] = left < 0 ? 0 : line[left];
        line[r->count + x] = right < 0 ? 0 : line[right];
    }
}

/* Sums over some eights of a line and their neighbors to the left and right: those that are equally far have the same
 * weight, or where it is of slopes, the one to the left has it with the other sign. */
INLINE void sum_eights(const float *line, int64_t reach, int64_t channels, const float *weight, int slopes, int eights,
                       float *out)
{
    Eight sum[4];
    for (int k = 0; k < eights; k++)
        sum[k] = weight[0] * *(const Eight *)(line + k * WIDE);
    for (int64_t step = 1; step <= reach; step++)
        for (int k = 0; k < eights; k++) {
            const float *at = line + k * WIDE;
            Eight a = *(const Eight *)(at - step * channels), b = *(const Eight *)(at + step * channels);
            sum[k] += weight[step] * (slopes ? b - a : a + b);
        }
    for (int k = 0; k < eights; k++)
        *(Eight *)(out + k * WIDE) = sum[k];
}

/* The same of a whole line, 32 numbers at a time. */
INLINE void sum_line(const float *line, int64_t count, int64_t reach, int64_t channels, const float *weight, int slopes,
                     float *out)
{
    int64_t x = 0;
    for (; x + 4 * WIDE <= count; x += 4 * WIDE)
        sum_eights(line + x, reach, channels, weight, slopes, 4, out + x);
    for (; x + WIDE <= count; x += WIDE)
        sum_eights(line + x, reach, channels, weight, slopes, 1, out + x);
    for (; x < count; x++) {
        float sum = weight[0] * line[x];
        for (int64_t step = 1; step <= reach; step++) {
            float a = line[x - step * channels], b = line[x + step * channels];
            sum += weight[step] * (slopes ? b - a : a + b);
        }
        out[x] = sum;
    }
}

/* A row smoothed down the columns, and its slope: its neighbors are read once for both. What lies behind its end, up to
 * fifteen numbers, is no sum. */
INLINE void sum_columns(const Rows *r, const float *middle, const float *smooth, const float *slope, float *restrict smoothed,
                        float *restrict derived)
{
    for (int64_t x = 0; x < r->count; x += 2 * WIDE) {
        Eight sum[2], other[2];
        for (int k = 0; k < 2; k++) {
            Eight here = *(const Eight *)(middle + x + k * WIDE);
            sum[k] = smooth[0] * here, other[k] = slope[0] * here;
        }
        for (int64_t step = 1; step <= r->reach; step++) {
            const float *above = r->before[step] + x, *below = r->after[step] + x;
            for (int k = 0; k < 2; k++) {
                Eight a = *(const Eight *)(above + k * WIDE), b = *(const Eight *)(below + k * WIDE);
                sum[k] += smooth[step] * (a + b), other[k] += slope[step] * (b - a);
            }
        }
        for (int k = 0; k < 2; k++)
            *(Eight *)(smoothed + x + k * WIDE) = sum[k], *(Eight *)(derived + x + k * WIDE) = other[k];
    }
}

/* Derivatives, row by row: smoothed along one axis, the slope along the other. */
typedef struct {
    Rows rows;
    int64_t channels;
    const float *smooth, *slope; /* (reach + 1), from the middle on */
    float *room;
} Derivatives;

/* 0 without memory. */
static int open_derivatives(Derivatives *d)
{
    d->room = malloc((size_t)(4 * d->rows.count + 4 * d->rows.margin + 4 * WIDE) * sizeof *d->room);
    return open_rows(&d->rows) && d->room;
}

static void close_derivatives(Derivatives *d)
{
    close_rows(&d->rows), free(d->room);
}

/* The derivatives of row y, if there are rows enough by now (see take_row): 0 if not. Each pixel takes its channel with
 * the greatest ones. */
INLINE int derive_row(Derivatives *d, int64_t y, float *gx, float *gy)
{
    Rows *r = &d->rows;
    int64_t count = r->count, channels = d->channels, space = count + 2 * r->margin + 2 * WIDE;
    const float *middle = take_row(r, y);
    float *smoothed = d->room + r->margin, *derived = smoothed + space, *wide = d->room + 2 * space;
    float *x_all = channels > 1 ? wide : gx, *y_all = channels > 1 ? wide + count : gy;
    if (!middle)
        return 0;
    sum_columns(r, middle, d->smooth, d->slope, smoothed, derived);
    go_on(r, smoothed);
    sum_line(smoothed, count, r->reach, channels, d->slope, 1, x_all);
    go_on(r, derived);
    sum_line(derived, count, r->reach, channels, d->smooth, 0, y_all);
    for (int64_t x = 0; x < count / channels && channels > 1; x++) {
        float most = -1;
        for (int64_t k = x * channels; k < (x + 1) * channels; k++) {
            float square = x_all[k] * x_all[k] + y_all[k] * y_all[k];
            if (square > most)
                most = square, gx[x] = x_all[k], gy[x] = y_all[k];
        }
    }
    return 1;
}

/* The derivatives along x and y of the rows first <= y < last; arguments are those of Derivatives. gx, gy: (last -
 * first, width). Returns 0, or -1 without memory. */
API EACH_PROCESSOR int derive_rows(const void *from, int is_bytes, int64_t count, int64_t channels, const int64_t *rows,
                                   const int64_t *columns, int64_t reach, int64_t first, int64_t last,
                                   const float *smooth, const float *slope, float *gx, float *gy)
{
    Derivatives d = {{from, is_bytes, count, reach, reach * channels, rows + first, columns}, channels, smooth, slope};
    int failed = !open_derivatives(&d);
    for (int64_t y = -2 * reach; y < last - first && !failed; y++)
        derive_row(&d, y, gx + y * (count / channels), gy + y * (count / channels));
    close_derivatives(&d);
    return -failed;
}

/* Derivatives, magnitude, suppression and double threshold in one pass over the rows first <= y < last of a picture
 * (height, width): classes (padded) become 0, 1 from low on, 2 from high on. Returns 0, or -1 without memory. */
API EACH_PROCESSOR int classify_rows(const void *from, int is_bytes, int64_t count, int64_t channels,
                                     const int64_t *rows, const int64_t *columns, int64_t reach, int64_t first,
                                     int64_t last, const float *smooth, const float *slope, int64_t height, float low,
                                     float high, uint8_t *classes)
{
    int64_t width = count / channels, stride = width + 2, start = first ? first - 1 : 0;
    Derivatives d = {{from, is_bytes, count, reach, reach * channels, rows + start, columns}, channels, smooth, slope};
    float *rings = calloc((size_t)(10 * stride), sizeof *rings); /* three padded rows of each */
    float *gx = rings + 1, *gy = gx + 3 * stride, *magnitudes = gy + 3 * stride, *maxima = magnitudes + 3 * stride;
    int failed = !open_derivatives(&d) || !rings;
    for (int64_t y = start - 2 * reach; y <= last && !failed; y++) {
        int64_t ring = (y + 3 + 2 * reach) % 3 * stride;
        float *x_row = gx + ring, *y_row = gy + ring, *newest = magnitudes + ring;
        if (y >= height)
            memset(newest, 0, (size_t)width * sizeof *newest);
        else if (!derive_row(&d, y - start, x_row, y_row))
            continue;
        for (int64_t x = 0; x < width && y < height; x++)
            newest[x] = __builtin_sqrtf(x_row[x] * x_row[x] + y_row[x] * y_row[x]);
        int64_t at = y - 1; /* the row whose neighbors are known by now */
        if (at < first)
            continue;
        int64_t here = (y + 2 + 2 * reach) % 3 * stride, above = (y + 1 + 2 * reach) % 3 * stride;
        uint8_t *row = classes + (at + 1) * stride + 1;
        for (int64_t x = 0; x < width; x++) {
            const float *middle = magnitudes + here + x;
            int keep = is_maximum(magnitudes + above + x, middle, newest + x, gx[here + x], gy[here + x]);
            maxima[x] = keep ? *middle : -1.0f;
        }
        for (int64_t x = 0; x < width; x++)
            row[x] = (uint8_t)((maxima[x] >= low) + (maxima[x] >= high));
    }
    close_derivatives(&d), free(rings);
    return -failed;
}
