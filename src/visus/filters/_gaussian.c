/* Symmetric columns and rows in one pass: two rows are summed over their neighbors above and below into two lines, and
 * these over their neighbors to the left and right, while all are in the fastest cache.
 *
 * Plain C11 without Python's headers, called through ctypes. Floats are added in one order wherever a pixel lies, so that
 * parts of a picture give what the whole gives.
 */
#include "_borders.h"

enum { DOWN = 2, ALONG = 4 };           /* eights that are summed at once */
enum { STEP = ALONG * WIDE, BROAD = 1024 }; /* numbers: lines go on to a multiple of them; of a part, where there are as many */
enum { MOST = 64 };                     /* neighbors on each side */

/* Sums over the neighbors above and below two rows: those that are equally far have the same weight.
 *
 * rows: (2 reach + 2), the two in the middle. Each is read once: what lies k + 1 below the upper one lies k below the
 * lower one. */
INLINE void sum_columns(const float *const *rows, int64_t reach, const float *weight, float *restrict upper,
                        float *restrict lower, int64_t count)
{
    for (int64_t x = 0; x < count; x += DOWN * WIDE) {
        Eight one[DOWN], other[DOWN], above[DOWN], below[DOWN];
        for (int i = 0; i < DOWN; i++) {
            above[i] = *(const Eight *)(rows[reach] + x + i * WIDE);
            below[i] = *(const Eight *)(rows[reach + 1] + x + i * WIDE);
            one[i] = weight[0] * above[i], other[i] = weight[0] * below[i];
        }
        for (int64_t k = 1; k <= reach; k++)
            for (int i = 0; i < DOWN; i++) {
                Eight higher = *(const Eight *)(rows[reach - k] + x + i * WIDE);
                Eight deeper = *(const Eight *)(rows[reach + 1 + k] + x + i * WIDE);
                one[i] += weight[k] * (higher + below[i]);
                other[i] += weight[k] * (above[i] + deeper);
                above[i] = higher, below[i] = deeper;
            }
        for (int i = 0; i < DOWN; i++)
            *(Eight *)(upper + x + i * WIDE) = one[i], *(Eight *)(lower + x + i * WIDE) = other[i];
    }
}

/* Sums over the neighbors to the left and right. */
INLINE void sum_row(const float *line, int64_t reach, int64_t channels, const float *weight, float *restrict out,
                    int64_t count)
{
    for (int64_t x = 0; x < count; x += STEP) {
        Eight sum[ALONG];
        for (int i = 0; i < ALONG; i++)
            sum[i] = weight[0] * *(const Eight *)(line + x + i * WIDE);
        for (int64_t k = 1; k <= reach; k++)
            for (int i = 0; i < ALONG; i++) {
                const float *at = line + x + i * WIDE;
                sum[i] += weight[k] * (*(const Eight *)(at - k * channels) + *(const Eight *)(at + k * channels));
            }
        for (int i = 0; i < ALONG; i++)
            *(Eight *)(out + x + i * WIDE) = sum[i];
    }
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

/* What a part of some columns is made in: rows of `stride` floats. */
typedef struct {
    int64_t stride;
    float *ring;  /* (2 reach + 2): the picture's rows */
    float *lines; /* two, and one for a result that is not written as it is */
} Room;

/* The rows first <= y < last of the numbers from `start` on, `width` of them, smoothed. */
INLINE void smooth_part(const Picture *p, const Room *room, int64_t reach, int64_t start, int64_t width, int64_t first,
                        int64_t last, const float *weight, void *out)
{
    int64_t taps = 2 * reach + 2, margin = p->before, seen = width + 2 * margin, stride = room->stride, taken = first;
    float *spare = room->lines + 2 * stride;
    const float *rows[2 * MOST + 2]; /* those of the ring in their order */
    for (int64_t y = first; y < last; y += 2) {
        for (; taken < y + taps; taken++) {
            int64_t row = taken < last + 2 * reach ? p->rows[taken] : -1;
            copy_row(p, row, start, seen, room->ring + (taken - first) % taps * stride);
        }
        for (int64_t k = 0; k < taps; k++)
            rows[k] = room->ring + (y - first + k) % taps * stride;
        sum_columns(rows, reach, weight, room->lines, room->lines + stride, seen);
        for (int64_t row = y; row < last && row < y + 2; row++) {
            int64_t at = row * p->count + start;
            int fits = !p->is_bytes && width % STEP == 0;
            float *result = fits ? (float *)out + at : spare;
            sum_row(room->lines + (row - y) * stride + margin, reach, p->channels, weight, result, width);
            if (p->is_bytes)
                store_bytes(result, (uint8_t *)out + at, width);
            else if (!fits)
                memcpy((float *)out + at, result, (size_t)width * sizeof *result);
        }
    }
}

/* The same for all columns, part by part. */
INLINE void smooth_parts(const Picture *p, const Room *room, int64_t reach, int64_t broad, int64_t first, int64_t last,
                         const float *weight, void *out)
{
    for (int64_t start = 0; start < p->count; start += broad) {
        int64_t width = p->count - start < broad ? p->count - start : broad;
        smooth_part(p, room, reach, start, width, first, last, weight, out);
    }
}

/* The rows first <= y < last of a picture, smoothed; arguments are those of Picture, whose border is `reach` wide. out: as
 * from. weight: (reach + 1), from the middle on. Returns 0, or -1 without memory, or if there are more than MOST. */
API EACH_PROCESSOR int smooth_rows(const void *from, int is_bytes, int64_t count, int64_t channels, const int64_t *rows,
                                   const int64_t *columns, int64_t reach, int64_t first, int64_t last,
                                   const float *weight, void *out)
{
    Picture p = {from, is_bytes, count, channels, rows, columns, reach * channels};
    int64_t broad = BROAD < count ? BROAD : count, taps = 2 * reach + 2;
    Room room = {.stride = stride_for(broad + 2 * p.before + 2 * STEP)};
    float *all = calloc((size_t)((taps + 3) * room.stride + LINE), sizeof *all);
    if (!all || reach > MOST) {
        free(all);
        return -1;
    }
    room.ring = at_line(all);
    room.lines = room.ring + taps * room.stride;
    if (reach == 2) /* those that are asked for most are unrolled */
        smooth_parts(&p, &room, 2, broad, first, last, weight, out);
    else if (reach == 4)
        smooth_parts(&p, &room, 4, broad, first, last, weight, out);
    else if (reach == 8)
        smooth_parts(&p, &room, 8, broad, first, last, weight, out);
    else
        smooth_parts(&p, &room, reach, broad, first, last, weight, out);
    free(all);
    return 0;
}
