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

/* Softmax of some channels that are in place. */
INLINE void softmax(Eight *energy, Eight *out, int groups)
{
    Eight most = energy[0], sum = {0};
    for (int k = 1; k < groups; k++)
        raise(&most, energy[k]);
    float top = most[0], total = 0;
    for (int i = 1; i < WIDE; i++)
        top = most[i] > top ? most[i] : top;
    for (int k = 0; k < groups; k++) {
        energy[k] -= top;
        exponential(energy + k);
        sum += energy[k];
    }
    for (int i = 0; i < WIDE; i++)
        total += sum[i];
    for (int k = 0; k < groups; k++)
        out[k] = energy[k] * (1 / total);
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
    const float *smooth;    /* (n, inner, channels): answers filtered along all axes but the first; NULL without it */
    const float *weights;   /* (n, 2 reach + 1), along the first axis */
    int64_t n, inner;       /* places along the first axis, and positions at each */
    const float *logs;      /* (n, inner, channels): of the probabilities; -1e30 for channels that are none */
    const float *mu;        /* compatibility (channels, channels) by columns; NULL for Potts */
    float *answers;         /* (n, inner, channels) */
    int reach, channels;
} Update;

enum { TILE = 128 }; /* positions side by side whose neighbors along the first axis stay in the cache */

INLINE void update(const Update u, int64_t first, int64_t last, float *heard, int groups)
{
    int channels = groups * WIDE;
    int64_t stride = u.inner * channels;
    Eight *spare = (Eight *)(heard + TILE * channels);
    for (int64_t start = first; start < last; start += TILE)
        for (int64_t at = 0; at < u.n; at++) {
            int count = (int)(last - start < TILE ? last - start : TILE), columns = count * groups;
            int64_t place = at * u.inner + start;
            if (u.smooth)
                filter_place(u.smooth + place * channels, heard, stride, u.weights + at * (2 * u.reach + 1), at,
                             u.n, u.reach, columns);
            else
                memset(heard, 0, count * channels * sizeof *heard);
            for (int j = 0; j < count; j++) {
                Eight *own = (Eight *)(heard + j * channels);
                const Eight *logs = (const Eight *)(u.logs + (place + j) * channels);
                if (u.lattice)
                    gather(u.lattice, place + j, u.appearance * u.root[place + j], (const Eight *)u.corners, own,
                           groups);
                if (u.mu)
                    weigh(own, spare, u.mu, channels);
                for (int k = 0; k < groups; k++)
                    own[k] += logs[k];
                softmax(own, (Eight *)(u.answers + (place + j) * channels), groups);
            }
        }
}

/* Update the positions first to last - 1 at all places along the first axis; 0 without memory. */
EACH_PROCESSOR
API int field_update(const Update *u, int64_t first, int64_t last)
{
    float *heard = malloc((TILE + 1) * u->channels * sizeof *heard);
    if (!heard)
        return 0;
    if (u->channels == 3 * WIDE) /* known as it is compiled: 21 classes */
        update(*u, first, last, heard, 3);
    else
        update(*u, first, last, heard, u->channels / WIDE);
    free(heard);
    return 1;
}
