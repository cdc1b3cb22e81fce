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
enum { STRIP = 32 }; /* points of a row side by side: the corners of a strip stay in the fast caches from row to row */

/* Corners by their coordinates: open addressing, the first d of d + 1 coordinates as the key. --------------------- */

typedef struct {
    int axes;
    int64_t count, room; /* room is two to the power of `bits` */
    int bits;
    int32_t *keys;       /* (count, d) */
    int64_t capacity;    /* of keys */
    int32_t *slots;      /* (room,): number of a corner, or -1 */
} Corners;

enum { FIRST_FACTOR = 0x4f1bbcdd };

INLINE uint32_t next_factor(uint32_t factor)
{
    return factor * 0x915f77f5u + 2;
}

/* Linear, so that the hash of a sum is the sum of hashes; what is taken of it are its highest bits. */
INLINE uint32_t hash(const int32_t *key, int axes)
{
    uint32_t h = 0, factor = FIRST_FACTOR;
    for (int k = 0; k < axes; k++, factor = next_factor(factor)) /* known as it is compiled */
        h += (uint32_t)key[k] * factor;
    return h;
}

INLINE int is_same(const int32_t *one, const int32_t *other, int axes)
{
    int32_t differ = 0;
    for (int k = 0; k < axes; k++)
        differ |= one[k] ^ other[k];
    return !differ;
}

INLINE int64_t slot_of(const Corners *c, const int32_t *key, uint32_t hashed, int axes)
{
    int64_t place = (int64_t)(hashed >> (32 - c->bits));
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
    c->bits++;
    memset(slots, 0xff, c->room * sizeof *slots);
    for (int64_t k = 0; k < c->count; k++) {
        const int32_t *key = c->keys + k * c->axes;
        slots[slot_of(c, key, hash(key, c->axes), c->axes)] = (int32_t)k;
    }
    return 1;
}

/* The number of a corner, new if it was not there; -1 if there is no memory. */
INLINE int32_t number_of(Corners *c, const int32_t *key, uint32_t hashed, int axes)
{
    int64_t place = slot_of(c, key, hashed, axes);
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
        place = slot_of(c, key, hashed, axes);
    }
    memcpy(c->keys + c->count * axes, key, axes * sizeof *key);
    c->slots[place] = (int32_t)c->count;
    return (int32_t)c->count++;
}

/* The simplices of eight points (sections 3.1 and 3.2), each in one place of every register. ----------------------- */

typedef struct {
    EightWhole base[MOST_AXES + 1]; /* a corner */
    EightWhole rank[MOST_AXES + 1]; /* the order in which the other corners go on along the axes */
    Eight share[MOST_AXES + 2];     /* barycentric coordinates */
} Simplices;

/* The whole number that is nearest, halves upwards. */
INLINE void to_nearest(const Eight *number, EightWhole *whole)
{
    Eight x = *number + 0.5f;
    *whole = __builtin_convertvector(x, EightWhole);
    *whole += __builtin_convertvector(*whole, Eight) > x; /* which is -1 where it is true */
}

INLINE void simplices_of(const Eight *point, int d, const float *scale, Simplices *s)
{
    Eight high[MOST_AXES + 1], left[MOST_AXES + 1];

    /* Lay the points into the plane. */
    Eight sum = {0};
    for (int k = d; k > 0; k--) {
        Eight x = point[k - 1] * scale[k - 1];
        high[k] = sum - (float)k * x;
        sum += x;
    }
    high[0] = sum;

    /* The nearest points whose coordinates are multiples of d + 1, and by how much these miss the plane. */
    EightWhole excess = {0};
    for (int k = 0; k <= d; k++) {
        Eight ratio = high[k] / (float)(d + 1);
        to_nearest(&ratio, s->base + k);
        excess += s->base[k];
        s->base[k] *= d + 1;
        left[k] = high[k] - __builtin_convertvector(s->base[k], Eight);
        s->rank[k] = (EightWhole){0};
    }
    /* The order of what is left tells the simplex around each. */
    for (int a = 0; a < d; a++)
        for (int b = a + 1; b <= d; b++) {
            EightWhole less = left[a] < left[b];
            s->rank[a] -= less;
            s->rank[b] += 1 + less;
        }
    for (int k = 0; k <= d; k++) {
        s->rank[k] += excess;
        EightWhole up = (s->rank[k] < 0) & (d + 1), down = (s->rank[k] > d) & (d + 1);
        s->rank[k] += up - down;
        s->base[k] += up - down;
    }
    /* Barycentric coordinates: each is the difference of two, that of rank d - corner and the one that follows. */
    for (int corner = 0; corner <= d + 1; corner++)
        s->share[corner] = (Eight){0};
    for (int k = 0; k <= d; k++) {
        Eight delta = (high[k] - __builtin_convertvector(s->base[k], Eight)) / (float)(d + 1);
        for (int corner = 0; corner <= d + 1; corner++) {
            s->share[corner] += (Eight)((EightWhole)delta & (s->rank[k] == d - corner));
            s->share[corner] -= (Eight)((EightWhole)delta & (s->rank[k] == d + 1 - corner));
        }
    }
    s->share[0] += 1 + s->share[d + 1];
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

typedef uint32_t EightBits __attribute__((vector_size(32), aligned(4), may_alias)); /* which may overflow */

/* The corners of eight points: their keys and hashes, one point in each place. */
typedef struct {
    int32_t key[MOST_AXES + 1][MOST_AXES][WIDE];
    uint32_t hashed[MOST_AXES + 1][WIDE];
} Keys;

INLINE void keys_of(const Simplices *s, int d, Keys *keys)
{
    for (int corner = 0; corner <= d; corner++) {
        EightBits hashed = {0};
        uint32_t factor = FIRST_FACTOR;
        for (int k = 0; k < d; k++, factor = next_factor(factor)) {
            EightWhole key = s->base[k] + corner - ((s->rank[k] > d - corner) & (d + 1));
            *(EightWhole *)keys->key[corner][k] = key;
            hashed += (EightBits)key * factor;
        }
        *(EightBits *)keys->hashed[corner] = hashed;
    }
}

/* The corners and shares of some points, up to eight; 0 without memory. */
INLINE int lay_eight(Lattice *lattice, Corners *corners, const float *points, int64_t start, int count, int d,
                     const float *scale)
{
    Eight point[MOST_AXES] = {{0}};
    Simplices s;
    Keys keys;
    for (int j = 0; j < count; j++)
        for (int k = 0; k < d; k++)
            point[k][j] = points[(start + j) * d + k];
    simplices_of(point, d, scale, &s);
    keys_of(&s, d, &keys);
    for (int j = 0; j < count; j++)
        for (int corner = 0; corner <= d; corner++) {
            int32_t key[MOST_AXES];
            for (int k = 0; k < d; k++)
                key[k] = keys.key[corner][k][j];
            int32_t number = number_of(corners, key, keys.hashed[corner][j], d);
            if (number < 0)
                return 0;
            lattice->corner[(start + j) * (d + 1) + corner] = number;
            lattice->share[(start + j) * (d + 1) + corner] = s.share[corner][j];
        }
    return 1;
}

/* The same of all points, strip by strip; 0 without memory. */
INLINE int lay(Lattice *lattice, Corners *corners, const float *points, int d)
{
    /* Splat, blur and slice together have a variance of 2 (d + 1)^2 / 3 in each direction (section 3.1). */
    float scale[MOST_AXES];
    for (int k = 0; k < d; k++)
        scale[k] = (float)((d + 1) * sqrt(2.0 / 3.0) / sqrt((k + 1.0) * (k + 2.0)));
    int64_t row = lattice->row;
    for (int64_t strip = 0; strip < row; strip += STRIP)
        for (int64_t start = strip; start < lattice->points; start += row) {
            int64_t end = start + (row - strip < STRIP ? row - strip : STRIP);
            for (int64_t p = start; p < end; p += WIDE)
                if (!lay_eight(lattice, corners, points, p, (int)(end - p < WIDE ? end - p : WIDE), d, scale))
                    return 0;
        }
    return 1;
}

/* The corners on both sides of each: who is ahead of one has that one behind. */
INLINE void meet(Lattice *lattice, const Corners *corners, int d)
{
    int64_t m = lattice->corners;
    for (int64_t c = 0; c < 2 * (d + 1) * m; c++)
        lattice->neighbor[c] = (int32_t)m;
    for (int64_t c = 0; c < m; c++) {
        int32_t key[MOST_AXES];
        for (int k = 0; k < d; k++)
            key[k] = corners->keys[c * d + k] - 1;
        uint32_t hashed = hash(key, d), factor = FIRST_FACTOR;
        for (int axis = 0; axis <= d; axis++, factor = next_factor(factor)) {
            int32_t *neighbor = lattice->neighbor + axis * m * 2;
            if (axis < d)
                key[axis] += d + 1;
            int32_t found = corners->slots[slot_of(corners, key, axis < d ? hashed + (d + 1) * factor : hashed, d)];
            if (axis < d)
                key[axis] -= d + 1;
            if (found < 0)
                continue;
            neighbor[2 * c + 1] = found;
            neighbor[2 * (int64_t)found] = (int32_t)c;
        }
    }
}

/* The lattice of n points with d axes, each divided by the standard deviation that is wanted, in rows of so many; NULL
 * without memory. */
EACH_PROCESSOR
API Lattice *lattice_new(const float *points, int64_t n, int d, int64_t row)
{
    Lattice *lattice = calloc(1, sizeof *lattice);
    Corners corners = {.axes = d, .room = 1 << 16, .bits = 16, .capacity = 1 << 15};
    corners.keys = malloc(corners.capacity * d * sizeof *corners.keys);
    corners.slots = malloc(corners.room * sizeof *corners.slots);
    if (!lattice || !corners.keys || !corners.slots)
        goto failed;
    memset(corners.slots, 0xff, corners.room * sizeof *corners.slots);
    lattice->axes = d;
    lattice->points = n;
    lattice->row = row;
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

/* Splat values (n, channels), each point's times a weight, into corners (m + 1, channels), which become zero before;
 * channels are a multiple of eight. */
EACH_PROCESSOR
API void lattice_splat(const Lattice *lattice, const float *weight, const float *values, float *corners, int channels)
{
    int groups = channels / WIDE;
    memset(corners, 0, (lattice->corners + 1) * channels * sizeof *corners);
    for (int64_t p = 0; p < lattice->points; p++)
        splat(lattice, p, weight[p], (const Eight *)values + p * groups, (Eight *)corners, groups, lattice->axes + 1);
}

/* Blur some groups of channels of the corners, first to last - 1. Gives the buffer with the result. */
INLINE const Eight *blur(const Lattice *lattice, Eight *here, Eight *next, int groups, int first, int last)
{
    int64_t m = lattice->corners;
    for (int axis = 0; axis <= lattice->axes; axis++) {
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

/* Add up what some parts of the points have splat, and blur it: some channels, first to last - 1, all multiples of
 * eight. parts: (count,) corners (m + 1, channels), the first of which changes; spare: another, whose last row is
 * zero. Gives 1 if the result is there, and 0 if it is in the first part. */
EACH_PROCESSOR
API int lattice_blur(const Lattice *lattice, float *const *parts, int64_t count, float *spare, int channels, int first,
                     int last)
{
    int groups = channels / WIDE;
    Eight *here = (Eight *)parts[0], *next = (Eight *)spare;
    first /= WIDE, last /= WIDE;
    for (int64_t part = 1; part < count; part++)
        for (int64_t v = 0; v < lattice->corners; v++)
            for (int g = first; g < last; g++)
                here[v * groups + g] += ((const Eight *)parts[part])[v * groups + g];
    const Eight *found = groups == 3 && first == 0 && last == 3 ? blur(lattice, here, next, 3, 0, 3) /* 21 classes */
                                                               : blur(lattice, here, next, groups, first, last);
    return found == (const Eight *)spare;
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
