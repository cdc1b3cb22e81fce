/* A permutohedral lattice (Adams, Baek and Davis 2010) as it is in memory; made and freed by _lattice.c. */
#ifndef VISUS_LATTICE_H
#define VISUS_LATTICE_H

#include "../_native.h"

typedef struct {
    int axes;            /* d */
    int64_t points;      /* n */
    int64_t row;         /* of so many points: those of the next row lie beside them */
    int64_t corners;     /* m, those that some point has */
    int32_t *corner;     /* (n, d + 1): the corners of each point's simplex */
    float *share;        /* (n, d + 1): how much of it each has */
    int32_t *neighbor;  /* (d + 1, m, 2): the corners on both sides along each axis; m where there is none */
} Lattice;

/* Add to the corners of a point's simplex what its channels hold, times a weight. */
INLINE void splat(const Lattice *lattice, int64_t point, float weight, const Eight *value, Eight *corners, int groups,
                  int d1)
{
    const int32_t *corner = lattice->corner + point * d1;
    const float *share = lattice->share + point * d1;
    for (int k = 0; k < d1; k++) {
        Eight *row = corners + (int64_t)corner[k] * groups;
        for (int g = 0; g < groups; g++)
            row[g] += share[k] * weight * value[g];
    }
}

/* Add to the channels of a point what the corners of its simplex hold, times a factor. */
INLINE void gather(const Lattice *lattice, int64_t point, float factor, const Eight *corners, Eight *out, int groups,
                   int d1)
{
    const int32_t *corner = lattice->corner + point * d1;
    const float *share = lattice->share + point * d1;
    for (int start = 0; start < groups; start += 3) {
        Eight sum[3] = {{0}};
        int count = groups - start < 3 ? groups - start : 3;
        for (int k = 0; k < d1; k++) {
            const Eight *row = corners + (int64_t)corner[k] * groups + start;
            for (int g = 0; g < count; g++)
                sum[g] += share[k] * row[g];
        }
        for (int g = 0; g < count; g++)
            out[start + g] += factor * sum[g];
    }
}

#endif
