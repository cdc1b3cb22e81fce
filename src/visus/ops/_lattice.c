/* The permutohedral lattice: Gaussian filtering of points in a space of several axes.
 *
 * Adams, Baek and Davis, "Fast high-dimensional filtering using the permutohedral lattice", Eurographics 2010. A point
 * in d axes is laid into the plane x_0 + ... + x_d = 0 of d + 1 axes, which the lattice cuts into simplices. Its value
 * is shared among the d + 1 corners of its simplex (splat), the corners are blurred along each of the d + 1 axes
 * (blur), and the value is gathered from the corners again (slice).
 *
 * Plain C11 without Python's headers, called through ctypes; one lattice may be filtered by several threads at a time.
 */
#include <math.h>

#include "_lattice.h"

enum { MOST_AXES = 16 };

/* Corners by their coordinates: open addressing, the first d of d + 1 coordinates as the key. --------------------- */

typedef struct {
    int axes;
    int64_t count, room; /* room is a power of two */
    int32_t *keys;       /* (count, d) */
    int64_t capacity;    /* of keys */
    int32_t *slots;      /* (room,): number of a corner, or -1 */
} Corners;

INLINE uint64_t hash(const int32_t *key, int axes)
{
    uint64_t h = 0, factor = 0x9e3779b97f4a7c15u;
    for (int k = 0; k < axes; k++, factor = factor * 0xd1342543de82ef95u + 2) /* known as it is compiled */
        h += (uint32_t)key[k] * factor;
    return h ^ (h >> 31);
}

INLINE int is_same(const int32_t *one, const int32_t *other, int axes)
{
    int32_t differ = 0;
    for (int k = 0; k < axes; k++)
        differ |= one[k] ^ other[k];
    return !differ;
}

INLINE int64_t slot_of(const Corners *c, const int32_t *key, int axes)
{
    int64_t place = (int64_t)(hash(key, axes) & (uint64_t)(c->room - 1));
    while (c->slots[place] >= 0 && !is_same(c->keys + (int64_t)c->slots[place] * axes, key, axes))
        place = (place + 1) & (c->room - 1);
    return place;
}

static int widen(Corners *c)
{
    int32_t *slots = malloc(2 * c->room * sizeof *slots);
    if (!slots)
        return 0;
    free(c->slots);
    c->slots = slots;
    c->room *= 2;
    memset(slots, 0xff, c->room * sizeof *slots);
    for (int64_t k = 0; k < c->count; k++)
        slots[slot_of(c, c->keys + k * c->axes, c->axes)] = (int32_t)k;
    return 1;
}

/* The number of a corner, new if it was not there; -1 if there is no memory. */
INLINE int32_t number_of(Corners *c, const int32_t *key, int axes)
{
    int64_t place = slot_of(c, key, axes);
    if (c->slots[place] >= 0)
        return c->slots[place];
    if (c->count == c->capacity) {
        int32_t *keys = realloc(c->keys, 2 * c->capacity * axes * sizeof *keys);
        if (!keys)
            return -1;
        c->keys = keys;
        c->capacity *= 2;
    }
    if (2 * c->count >= c->room) {
        if (!widen(c))
            return -1;
        place = slot_of(c, key, axes);
    }
    memcpy(c->keys + c->count * axes, key, axes * sizeof *key);
    c->slots[place] = (int32_t)c->count;
    return (int32_t)c->count++;
}

/* The simplex of a point (sections 3.1 and 3.2). ------------------------------------------------------------------ */

typedef struct {
    int32_t corner[MOST_AXES + 1][MOST_AXES + 1]; /* all d + 1 coordinates of each corner */
    float share[MOST_AXES + 1];
} Simplex;

INLINE void simplex_of(const float *point, int d, const float *scale, Simplex *s)
{
    float high[MOST_AXES + 1], left[MOST_AXES + 1];
    int base[MOST_AXES + 1], rank[MOST_AXES + 1];

    /* Lay the point into the plane. */
    float sum = 0;
    for (int k = d; k > 0; k--) {
        float x = point[k - 1] * scale[k - 1];
        high[k] = sum - k * x;
        sum += x;
    }
    high[0] = sum;

    /* The nearest point whose coordinates are multiples of d + 1, and by how much its coordinates miss the plane. */
    int excess = 0;
    for (int k = 0; k <= d; k++) {
        base[k] = (int)floorf(high[k] / (d + 1) + 0.5f) * (d + 1);
        left[k] = high[k] - base[k];
        excess += base[k] / (d + 1);
        rank[k] = 0;
    }
    /* The order of what is left tells the simplex around it. */
    for (int a = 0; a < d; a++)
        for (int b = a + 1; b <= d; b++) {
            int less = left[a] < left[b];
            rank[a] += less;
            rank[b] += !less;
        }
    for (int k = 0; k <= d; k++) {
        rank[k] += excess;
        if (rank[k] < 0) {
            rank[k] += d + 1;
            base[k] += d + 1;
        } else if (rank[k] > d) {
            rank[k] -= d + 1;
            base[k] -= d + 1;
        }
    }
    /* Barycentric coordinates. */
    float b[MOST_AXES + 2] = {0};
    for (int k = 0; k <= d; k++) {
        float delta = (high[k] - base[k]) / (d + 1);
        b[d - rank[k]] += delta;
        b[d + 1 - rank[k]] -= delta;
    }
    b[0] += 1 + b[d + 1];
    for (int corner = 0; corner <= d; corner++) {
        s->share[corner] = b[corner];
        for (int k = 0; k <= d; k++)
            s->corner[corner][k] = (int32_t)(base[k] + (rank[k] > d - corner ? corner - (d + 1) : corner));
    }
}

API void lattice_free(Lattice *lattice)
{
    if (!lattice)
        return;
    free(lattice->corner);
    free(lattice->share);
    free(lattice->neighbor);
    free(lattice);
}

/* The corners and shares of all points; 0 without memory. */
INLINE int lay(Lattice *lattice, Corners *corners, const float *points, int d)
{
    /* Splat, blur and slice together have a variance of 2 (d + 1)^2 / 3 in each direction (section 3.1). */
    float scale[MOST_AXES];
    for (int k = 0; k < d; k++)
        scale[k] = (float)((d + 1) * sqrt(2.0 / 3.0) / sqrt((k + 1.0) * (k + 2.0)));
    Simplex s;
    for (int64_t p = 0; p < lattice->points; p++) {
        simplex_of(points + p * d, d, scale, &s);
        for (int k = 0; k <= d; k++) {
            int32_t number = number_of(corners, s.corner[k], d);
            if (number < 0)
                return 0;
            lattice->corner[p * (d + 1) + k] = number;
            lattice->share[p * (d + 1) + k] = s.share[k];
        }
    }
    return 1;
}

/* The corners on both sides of each: who is ahead of one has that one behind. */
INLINE void meet(Lattice *lattice, const Corners *corners, int d)
{
    int64_t m = lattice->corners;
    for (int axis = 0; axis <= d; axis++) {
        int32_t *neighbor = lattice->neighbor + axis * m * 2;
        for (int64_t c = 0; c < 2 * m; c++)
            neighbor[c] = (int32_t)m;
        for (int64_t c = 0; c < m; c++) {
            int32_t key[MOST_AXES];
            for (int k = 0; k < d; k++)
                key[k] = (int32_t)(corners->keys[c * d + k] - 1);
            if (axis < d)
                key[axis] = (int32_t)(corners->keys[c * d + axis] + d);
            int32_t found = corners->slots[slot_of(corners, key, d)];
            if (found < 0)
                continue;
            neighbor[2 * c + 1] = found;
            neighbor[2 * (int64_t)found] = (int32_t)c;
        }
    }
}

/* The lattice of n points with d axes, each divided by the standard deviation that is wanted; NULL without memory. */
EACH_PROCESSOR
API Lattice *lattice_new(const float *points, int64_t n, int d)
{
    Lattice *lattice = calloc(1, sizeof *lattice);
    Corners corners = {.axes = d, .room = 1 << 16, .capacity = 1 << 15};
    corners.keys = malloc(corners.capacity * d * sizeof *corners.keys);
    corners.slots = malloc(corners.room * sizeof *corners.slots);
    if (!lattice || !corners.keys || !corners.slots)
        goto failed;
    memset(corners.slots, 0xff, corners.room * sizeof *corners.slots);
    lattice->axes = d;
    lattice->points = n;
    lattice->corner = malloc(n * (d + 1) * sizeof *lattice->corner);
    lattice->share = malloc(n * (d + 1) * sizeof *lattice->share);
    if (!lattice->corner || !lattice->share)
        goto failed;
    if (!(d == 5 ? lay(lattice, &corners, points, 5) : lay(lattice, &corners, points, d))) /* known: a color picture */
        goto failed;
    int64_t m = lattice->corners = corners.count;
    lattice->neighbor = malloc(2 * m * (d + 1) * sizeof *lattice->neighbor);
    if (!lattice->neighbor)
        goto failed;
    if (d == 5)
        meet(lattice, &corners, 5);
    else
        meet(lattice, &corners, d);
    free(corners.keys);
    free(corners.slots);
    return lattice;
failed:
    free(corners.keys);
    free(corners.slots);
    lattice_free(lattice);
    return NULL;
}

API int64_t lattice_corners(const Lattice *lattice)
{
    return lattice->corners;
}

/* Filtering: channels in groups of eight. ------------------------------------------------------------------------- */

/* Splat and blur some groups of channels, first to last - 1, of so many. Gives the buffer with the result. */
INLINE Eight *spread(const Lattice *lattice, const float *weight, const Eight *values, Eight *here, Eight *next,
                     int groups, int first, int last, int d1)
{
    int64_t m = lattice->corners;
    for (int64_t p = 0; p < lattice->points; p++)
        for (int k = 0; k < d1; k++) {
            float share = lattice->share[p * d1 + k] * weight[p];
            Eight *row = here + (int64_t)lattice->corner[p * d1 + k] * groups;
            for (int g = first; g < last; g++)
                row[g] += share * values[p * groups + g];
        }
    for (int axis = 0; axis < d1; axis++) {
        const int32_t *neighbor = lattice->neighbor + (int64_t)axis * m * 2;
        for (int64_t v = 0; v < m; v++) {
            const Eight *before = here + (int64_t)neighbor[2 * v] * groups;
            const Eight *after = here + (int64_t)neighbor[2 * v + 1] * groups;
            for (int g = first; g < last; g++)
                next[v * groups + g] = 0.5f * here[v * groups + g] + 0.25f * (before[g] + after[g]);
        }
        Eight *other = here;
        here = next;
        next = other;
    }
    return here;
}

/* Splat values (n, channels), each point's times a weight, and blur the corners: some channels, first to last - 1, all
 * multiples of eight. Two buffers (m + 1, channels) are zero before; gives the number of the one with the result. */
EACH_PROCESSOR
API int lattice_spread(const Lattice *lattice, const float *weight, const float *values, float *one, float *two,
                       int channels, int first, int last)
{
    const Eight *from = (const Eight *)values;
    Eight *here = (Eight *)one, *next = (Eight *)two, *found;
    int d1 = lattice->axes + 1;
    if (d1 == 6 && channels == 3 * WIDE && first == 0 && last == channels) /* known as it is compiled: 21 classes */
        found = spread(lattice, weight, from, here, next, 3, 0, 3, 6);
    else
        found = spread(lattice, weight, from, here, next, channels / WIDE, first / WIDE, last / WIDE, d1);
    return found == next;
}

/* Slice: add to out (n, channels) what the corners (m + 1, channels) hold, times a factor and each point's weight. */
EACH_PROCESSOR
API void lattice_slice(const Lattice *lattice, const float *weight, float factor, const float *corners, float *out,
                       int channels)
{
    int groups = channels / WIDE;
    for (int64_t p = 0; p < lattice->points; p++)
        gather(lattice, p, factor * weight[p], (const Eight *)corners, (Eight *)out + p * groups, groups,
               lattice->axes + 1);
}
