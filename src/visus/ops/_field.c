/* Mean-field inference in a fully connected CRF (Kraehenbuehl and Koltun, NIPS 2011, algorithm 1): the smoothness
 * kernel axis by axis, and the update of each position from all that it hears. Values are (positions, channels) with
 * channels in groups of eight.
 *
 * Plain C11 without Python's headers, called through ctypes.
 */
#include "_lattice.h"

/* Some columns of one place along an axis: the weighed sum of the places from low to high steps away. */
INLINE void sum_of(const float *from, float *to, int64_t stride, const float *weight, int64_t low, int64_t high,
                   int columns)
{
    Eight sum[4] = {{0}};
    for (int64_t step = low; step <= high; step++) {
        const Eight *row = (const Eight *)(from + step * stride);
        for (int k = 0; k < columns; k++)
            sum[k] += weight[step] * row[k];
    }
    for (int k = 0; k < columns; k++)
        ((Eight *)to)[k] = sum[k];
}

/* The same where what is on both sides has the same weights. */
INLINE void sum_of_pairs(const float *from, float *to, int64_t stride, const float *weight, int64_t reach, int columns)
{
    Eight sum[4];
    for (int k = 0; k < columns; k++)
        sum[k] = weight[0] * ((const Eight *)from)[k];
    for (int64_t step = 1; step <= reach; step++) {
        const Eight *before = (const Eight *)(from - step * stride), *after = (const Eight *)(from + step * stride);
        for (int k = 0; k < columns; k++)
            sum[k] += weight[step] * (before[k] + after[k]);
    }
    for (int k = 0; k < columns; k++)
        ((Eight *)to)[k] = sum[k];
}

/* One place along an axis of n: some columns, in groups of eight, into out; weights are those of its neighbors. */
INLINE void filter_place(const float *from, float *out, int64_t stride, const float *weights, int64_t at, int64_t n,
                         int64_t reach, int64_t columns)
{
    const float *weight = weights + reach;
    int64_t low = at < reach ? -at : -reach, high = n - 1 - at < reach ? n - 1 - at : reach;
    int inside = at >= 2 * reach && n - 1 - at >= 2 * reach; /* the same neighbors' sums on both sides */
    int64_t k = 0;
    for (; k + 4 <= columns; k += 4)
        if (inside)
            sum_of_pairs(from + k * WIDE, out + k * WIDE, stride, weight, reach, 4);
        else
            sum_of(from + k * WIDE, out + k * WIDE, stride, weight, low, high, 4);
    if (k + 3 == columns && inside)
        sum_of_pairs(from + k * WIDE, out + k * WIDE, stride, weight, reach, 3);
    else
        for (; k < columns; k++)
            sum_of(from + k * WIDE, out + k * WIDE, stride, weight, low, high, 1);
}

/* One axis of a separable filter: values (outer, n, inner), inner a multiple of eight, and for each of the n places
 * the weights (2 reach + 1) of its neighbors, 0 for those that are not there. */
EACH_PROCESSOR
API void field_filter(const float *values, float *out, int64_t outer, int64_t n, int64_t inner, const float *weights,
                      int reach)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t start = 0; start < inner; start += 4 * WIDE) {
            int64_t columns = (inner - start < 4 * WIDE ? inner - start : 4 * WIDE) / WIDE;
            for (int64_t at = 0; at < n; at++) {
                int64_t place = (o * n + at) * inner + start;
                filter_place(values + place, out + place, inner, weights + at * (2 * reach + 1), at, n, reach, columns);
            }
        }
}

/* The larger of each two. */
INLINE void raise(Eight *a, Eight b)
{
    EightWhole first = *a > b;
    *a = (Eight)(((EightWhole)*a & first) | ((EightWhole)b & ~first));
}

/* exp(x) for x <= 0, within 2 units in the last place (Cephes, expf.c); nearly 0 below -87. */
INLINE void exponential(Eight *number)
{
    const Eight lowest = {-87, -87, -87, -87, -87, -87, -87, -87};
    raise(number, lowest);
    Eight x = *number;
    Eight whole = x * 1.44269504f + 12582912.0f; /* adding 1.5 * 2^23 rounds to the nearest whole number */
    EightWhole power = ((EightWhole)whole + 127) << 23;
    whole -= 12582912.0f;
    Eight r = x - whole * 0.693359375f - whole * -2.12194440e-4f;
    Eight p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    *number = p * (Eight)power;
}

/* The largest of some channels. */
INLINE float largest(const Eight *energy, int groups)
{
    Eight most = energy[0];
    for (int k = 1; k < groups; k++)
        raise(&most, energy[k]);
    float four[4];
    for (int i = 0; i < 4; i++)
        four[i] = most[i] > most[i + 4] ? most[i] : most[i + 4];
    float one = four[0] > four[2] ? four[0] : four[2], other = four[1] > four[3] ? four[1] : four[3];
    return one > other ? one : other;
}

/* The sum of eight numbers. */
INLINE float sum_of_eight(Eight v)
{
    float four[4];
    for (int i = 0; i < 4; i++)
        four[i] = v[i] + v[i + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/* Softmax of the channels of some positions. Each step is done for all of them, so that none waits for another. */
INLINE void softmax(Eight *energy, Eight *out, int count, int groups)
{
    for (int j = 0; j < count; j++) {
        float top = largest(energy + j * groups, groups);
        for (int k = 0; k < groups; k++)
            energy[j * groups + k] -= top;
    }
    for (int k = 0; k < count * groups; k++)
        exponential(energy + k);
    for (int j = 0; j < count; j++) {
        Eight sum = energy[j * groups];
        for (int k = 1; k < groups; k++)
            sum += energy[j * groups + k];
        float share = 1 / sum_of_eight(sum);
        for (int k = 0; k < groups; k++)
            out[j * groups + k] = energy[j * groups + k] * share;
    }
}

/* What a position hears of each class, as all classes see it: minus the compatibility times it, (channels, channels)
 * by columns. */
INLINE void weigh(Eight *heard, Eight *spare, const float *mu, int channels)
{
    int groups = channels / WIDE;
    memset(spare, 0, channels * sizeof(float));
    for (int c = 0; c < channels; c++)
        for (int k = 0; k < groups; k++)
            spare[k] -= ((const float *)heard)[c] * ((const Eight *)mu)[c * groups + k];
    memcpy(heard, spare, channels * sizeof(float));
}

/* Everything that the update of a position needs. */
typedef struct {
    const Lattice *lattice; /* NULL without an appearance kernel */
    const float *corners;   /* (m + 1, channels): answers in the lattice, splat and blurred */
    const float *root;      /* (positions,) */
    float appearance;       /* weight of that kernel */
    const float *given;     /* (n, inner, channels): answers, filtered along all axes but the first and the last; NULL
                               without a smoothness kernel */
    const float *down;      /* (n, 2 reach + 1): weights along the first axis */
    const float *across;    /* (width, 2 reach + 1): along the last */
    int64_t n, inner;       /* places along the first axis, and positions at each */
    int64_t width;          /* places along the last axis */
    const float *logs;      /* (n, inner, channels): of the probabilities; -1e30 for channels that are none */
    const float *mu;        /* compatibility (channels, channels) by columns; NULL for Potts */
    float *answers;         /* (n, inner, channels) */
    int reach, channels;
} Update;

enum { TILE = 32 }; /* positions side by side: what they hear along the first axis stays in the fastest cache */

/* Filter a tile of one place along the first axis along the last one. */
INLINE void across_tile(const Update u, int64_t at, int64_t start, int count, float *out, int groups)
{
    int channels = groups * WIDE;
    for (int j = 0; j < count; j++) {
        int64_t x = (start + j) % u.width;
        filter_place(u.given + (at * u.inner + start + j) * channels, out + j * channels, channels,
                     u.across + x * (2 * u.reach + 1), x, u.width, u.reach, groups);
    }
}

/* Update a tile at all places along the first axis. The places around the present one, filtered along the last axis,
 * are in a ring of rows that is there twice, so that they follow one another wherever they begin. */
INLINE void update_tile(const Update u, int64_t start, int count, float *heard, float *ring, int groups, int d1)
{
    int channels = groups * WIDE, rows = 2 * u.reach + 1;
    int64_t row = count * channels, made = 0;
    Eight *spare = (Eight *)(heard + TILE * channels);
    for (int64_t at = 0; at < u.n; at++) {
        int64_t place = at * u.inner + start;
        for (; u.given && made < u.n && made <= at + u.reach; made++) {
            float *first = ring + made % rows * row;
            across_tile(u, made, start, count, first, groups);
            memcpy(first + rows * row, first, row * sizeof *first);
        }
        if (u.given)
            filter_place(ring + ((at - u.reach + rows) % rows + u.reach) * row, heard, row, u.down + at * rows, at, u.n,
                         u.reach, count * groups);
        else
            memset(heard, 0, row * sizeof *heard);
        for (int j = 0; j < count; j++) {
            Eight *own = (Eight *)(heard + j * channels);
            const Eight *logs = (const Eight *)(u.logs + (place + j) * channels);
            if (u.lattice)
                gather(u.lattice, place + j, u.appearance * u.root[place + j], (const Eight *)u.corners, own, groups,
                       d1);
            if (u.mu)
                weigh(own, spare, u.mu, channels);
            for (int k = 0; k < groups; k++)
                own[k] += logs[k];
        }
        softmax((Eight *)heard, (Eight *)(u.answers + place * channels), count, groups);
    }
}

INLINE void update(const Update u, int64_t first, int64_t last, float *heard, float *ring, int groups, int d1)
{
    for (int64_t start = first; start < last; start += TILE)
        update_tile(u, start, (int)(last - start < TILE ? last - start : TILE), heard, ring, groups, d1);
}

/* Update the positions first to last - 1 at all places along the first axis; 0 without memory. */
EACH_PROCESSOR
API int field_update(const Update *u, int64_t first, int64_t last)
{
    int64_t rows = u->given ? 2 * (2 * u->reach + 1) : 0;
    float *heard = malloc((TILE + 1 + rows * TILE) * u->channels * sizeof *heard);
    if (!heard)
        return 0;
    float *ring = heard + (TILE + 1) * u->channels;
    int d1 = u->lattice ? u->lattice->axes + 1 : 0;
    if (u->channels == 3 * WIDE && d1 == 6) /* known as it is compiled: 21 classes of colors */
        update(*u, first, last, heard, ring, 3, 6);
    else
        update(*u, first, last, heard, ring, u->channels / WIDE, d1);
    free(heard);
    return 1;
}
