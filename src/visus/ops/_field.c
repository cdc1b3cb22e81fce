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

/* The natural logarithm of x, which is above 0 and no subnormal number (Cephes, logf.c). */
INLINE void logarithm(Eight *number)
{
    EightWhole bits = (EightWhole)*number;
    EightWhole power = (bits >> 23) - 126;
    Eight m = (Eight)((bits & 0x007fffff) | 0x3f000000); /* from 0.5 to 1 */
    EightWhole low = m < 0.707106781f;
    m = m + (Eight)((EightWhole)m & low) - 1.0f;
    Eight e = __builtin_convertvector(power + low, Eight), square = m * m;
    Eight p = 7.0376836292e-2f * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * square - 2.12194440e-4f * e - 0.5f * square;
    *number = m + p + 0.693359375f * e;
}

enum { BLOCK = 64 }; /* positions that are turned from classes by positions to positions by channels at a time */

/* The logarithms (n, channels) of the positions first to last - 1 of probabilities (classes, n), which count as 1e-8
 * at least; channels that are no class become -1e30. */
EACH_PROCESSOR
API void field_logs(const float *probabilities, float *logs, int64_t n, int classes, int channels, int64_t first,
                    int64_t last)
{
    const Eight least = {1e-8f, 1e-8f, 1e-8f, 1e-8f, 1e-8f, 1e-8f, 1e-8f, 1e-8f};
    Eight line[BLOCK / WIDE] = {{0}};
    for (int64_t start = first; start < last; start += BLOCK) {
        int count = (int)(last - start < BLOCK ? last - start : BLOCK);
        float *rows = logs + start * channels;
        for (int c = 0; c < classes; c++) {
            memcpy(line, probabilities + c * n + start, count * sizeof(float));
            for (int k = 0; k < BLOCK / WIDE; k++) {
                raise(line + k, least);
                logarithm(line + k);
            }
            for (int j = 0; j < count; j++)
                rows[j * channels + c] = ((const float *)line)[j];
        }
        for (int c = classes; c < channels; c++)
            for (int j = 0; j < count; j++)
                rows[j * channels + c] = -1e30f;
    }
}

/* The answers (n, channels) of the positions first to last - 1 as (classes, n). */
EACH_PROCESSOR
API void field_answers(const float *answers, float *out, int64_t n, int classes, int channels, int64_t first,
                       int64_t last)
{
    for (int64_t start = first; start < last; start += BLOCK) {
        int64_t end = start + BLOCK < last ? start + BLOCK : last;
        for (int c = 0; c < classes; c++)
            for (int64_t p = start; p < end; p++)
                out[c * n + p] = answers[p * channels + c];
    }
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

/* The smoothness kernel at half the resolution: each position tells three places along each axis of a grid what it
 * answers, the grid is filtered, and each position hears of the same places. */
typedef struct {
    int64_t rows, width;  /* of the grid; position x along an axis has the places x / 2 to x / 2 + 2 */
    const float *down;    /* (n, 3): how much each place along the first axis counts for a position */
    const float *across;  /* (width of the picture, 3): along the last */
    const float *heard;   /* (rows, width, channels): what was told, filtered; NULL for nothing */
} Grid;

/* Everything that the update of a position needs. */
typedef struct {
    const Lattice *lattice; /* NULL without an appearance kernel */
    const float *corners;   /* (m + 1, channels): earlier answers in the lattice, splat and blurred; NULL for none */
    const float *root;      /* (positions,) */
    float appearance;       /* weight of that kernel */
    Grid grid;              /* with no rows: the smoothness kernel is applied directly, or there is none */
    const float *given;     /* (n, inner, channels): answers, filtered along all axes but the first and the last; NULL
                               where the smoothness kernel is not applied directly */
    const float *down;      /* (n, 2 reach + 1): weights along the first axis */
    const float *across;    /* (width, 2 reach + 1): along the last */
    int64_t n, inner;       /* places along the first axis, and positions at each */
    int64_t width;          /* places along the last axis */
    const float *logs;      /* (n, inner, channels): of the probabilities; -1e30 for channels that are none */
    const float *mu;        /* compatibility (channels, channels) by columns; NULL for Potts */
    float *answers;         /* (n, inner, channels); NULL where they are told the lattice and the grid alone */
    int reach, channels;
} Update;

/* Where an update leaves what it tells for the next one; NULL where there is none. */
typedef struct {
    float *corners; /* (m + 1, channels) */
    float *grid;    /* (rows, width, channels) */
} Told;

enum { TILE = 32 }; /* positions side by side: what they hear stays in the fastest cache */

/* Room for the work on a tile: (TILE, channels), (TILE, channels), (TILE / 2 + 2, channels), (channels,). */
typedef struct {
    float *heard, *answers, *line, *spare;
    float *ring; /* two times (2 reach + 1, TILE, channels), where the smoothness kernel is applied directly */
} Room;

/* What a tile of one row hears of the grid: first from the places along the first axis, then of those along the last. */
INLINE void hear_grid(const Update u, int64_t at, int64_t start, int count, Room room, int groups)
{
    int64_t first = start / 2, columns = (start + count - 1) / 2 + 3 - first, stride = u.grid.width * groups;
    const Eight *grid = (const Eight *)u.grid.heard + at / 2 * stride + first * groups;
    const float *down = u.grid.down + 3 * at, *across = u.grid.across + 3 * start;
    Eight *line = (Eight *)room.line, *heard = (Eight *)room.heard;
    for (int64_t k = 0; k < columns * groups; k++)
        line[k] = down[0] * grid[k] + down[1] * grid[k + stride] + down[2] * grid[k + 2 * stride];
    for (int j = 0; j < count; j++, across += 3)
        for (int k = 0; k < groups; k++) {
            const Eight *places = line + j / 2 * groups + k;
            heard[j * groups + k] = across[0] * places[0] + across[1] * places[groups] + across[2] * places[2 * groups];
        }
}

/* The reverse: a tile tells the grid its answers, two positions at a time. */
INLINE void tell_grid(const Update u, int64_t at, int64_t start, int count, Room room, const Eight *answers, float *grid,
                      int groups)
{
    int64_t first = start / 2, columns = (start + count - 1) / 2 + 3 - first, stride = u.grid.width * groups;
    const float *down = u.grid.down + 3 * at, *across = u.grid.across + 3 * start;
    Eight *line = (Eight *)room.line, *to = (Eight *)grid + at / 2 * stride + first * groups;
    memset(line, 0, columns * groups * sizeof *line);
    for (int j = 0; j < count; j += 2, across += 6) {
        int other = j + 1 < count; /* the last one may be alone */
        for (int k = 0; k < groups; k++) {
            Eight one = answers[j * groups + k], two = other ? answers[(j + 1) * groups + k] : one;
            for (int place = 0; place < 3; place++) {
                float more = other ? across[3 + place] : 0;
                line[(j / 2 + place) * groups + k] += across[place] * one + more * two;
            }
        }
    }
    for (int place = 0; place < 3; place++)
        for (int64_t k = 0; k < columns * groups; k++)
            to[place * stride + k] += down[place] * line[k];
}

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

/* What a tile at one place along the first axis hears by the smoothness kernel, applied directly. The places around the
 * present one, filtered along the last axis, are in a ring of rows that is there twice, so that they follow one another
 * wherever they begin; `made` of them have been there. */
INLINE int64_t hear_around(const Update u, int64_t at, int64_t start, int count, Room room, int64_t made, int groups)
{
    int64_t row = count * groups * WIDE, rows = 2 * u.reach + 1;
    for (; made < u.n && made <= at + u.reach; made++) {
        float *first = room.ring + made % rows * row;
        across_tile(u, made, start, count, first, groups);
        memcpy(first + rows * row, first, row * sizeof *first);
    }
    filter_place(room.ring + ((at - u.reach + rows) % rows + u.reach) * row, room.heard, row, u.down + at * rows, at, u.n,
                 u.reach, count * groups);
    return made;
}

/* Update a tile at all places along the first axis. */
INLINE void update_tile(const Update u, int64_t start, int count, Room room, Told told, int groups, int d1)
{
    int channels = groups * WIDE;
    int64_t made = 0;
    for (int64_t at = 0; at < u.n; at++) {
        int64_t place = at * u.inner + start;
        Eight *answers = (Eight *)(u.answers ? u.answers + place * channels : room.answers);
        if (u.given)
            made = hear_around(u, at, start, count, room, made, groups);
        else if (u.grid.heard)
            hear_grid(u, at, start, count, room, groups);
        else
            memset(room.heard, 0, count * channels * sizeof *room.heard);
        for (int j = 0; j < count; j++) {
            Eight *own = (Eight *)(room.heard + j * channels);
            const Eight *logs = (const Eight *)(u.logs + (place + j) * channels);
            if (u.corners)
                gather(u.lattice, place + j, u.appearance * u.root[place + j], (const Eight *)u.corners, own, groups,
                       d1);
            if (u.mu)
                weigh(own, (Eight *)room.spare, u.mu, channels);
            for (int k = 0; k < groups; k++)
                own[k] += logs[k];
        }
        softmax((Eight *)room.heard, answers, count, groups);
        for (int j = 0; j < count && told.corners; j++)
            splat(u.lattice, place + j, u.root[place + j], answers + j * groups, (Eight *)told.corners, groups, d1);
        if (told.grid)
            tell_grid(u, at, start, count, room, answers, told.grid, groups);
    }
}

INLINE void update(const Update u, int64_t first, int64_t last, Room room, Told told, int groups, int d1)
{
    for (int64_t start = first; start < last; start += TILE)
        update_tile(u, start, (int)(last - start < TILE ? last - start : TILE), room, told, groups, d1);
}

/* Update the positions first to last - 1 at all places along the first axis; first is a multiple of TILE. 0 without
 * memory. */
EACH_PROCESSOR
API int field_update(const Update *u, int64_t first, int64_t last, float *corners, float *grid)
{
    int64_t row = TILE * u->channels, rows = u->given ? 2 * (2 * u->reach + 1) : 0;
    float *all = malloc((rows + 4) * row * sizeof *all);
    if (!all)
        return 0;
    Room room = {all, all + row, all + 2 * row, all + 3 * row, all + 4 * row};
    Told told = {corners, grid};
    int d1 = u->lattice ? u->lattice->axes + 1 : 0;
    last = last < u->inner ? last : u->inner;
    if (corners)
        memset(corners, 0, (u->lattice->corners + 1) * u->channels * sizeof *corners);
    if (grid)
        memset(grid, 0, u->grid.rows * u->grid.width * u->channels * sizeof *grid);
    if (u->channels == 3 * WIDE && d1 == 6) /* known as it is compiled: 21 classes of colors */
        update(*u, first, last, room, told, 3, 6);
    else
        update(*u, first, last, room, told, u->channels / WIDE, d1);
    free(all);
    return 1;
}
