/* Local features of two pictures: which are each other's nearest, and which of these pairs say the same.
 *
 * Plain C without Python's headers, called through ctypes, which lets go of the interpreter's lock. A point is x, y, size
 * in pixels and angle in degrees; its description has 256 bits.
 */
#include <math.h>

#include "../../_native.h"

enum { POINT = 4, WORDS = 4 };

/* What a pair says of how the first picture lies over the second: turn in radians, octaves, and pixels to the right and
 * down. */
typedef struct {
    float turn, octaves, right, down;
} Vote;

static Vote vote_of(const float *a, const float *b)
{
    const float radians = 0.017453292f;
    float turn = (b[3] - a[3]) * radians, scale = b[2] / a[2], cosine = cosf(turn) * scale, sine = sinf(turn) * scale;
    return (Vote){turn, log2f(scale), b[0] - (cosine * a[0] - sine * a[1]), b[1] - (sine * a[0] + cosine * a[1])};
}

static int alike(const Vote *one, const Vote *two, const float *limits)
{
    const float full = 6.2831855f;
    float turn = fabsf(one->turn - two->turn);
    turn = turn - full * floorf(turn / full);
    return fminf(turn, full - turn) < limits[0] && fabsf(one->octaves - two->octaves) < limits[1] &&
           fabsf(one->right - two->right) < limits[2] && fabsf(one->down - two->down) < limits[2];
}

/* Of each of the first its nearest of the second, and how many bits differ; the same of the second. */
INLINE void nearest(const uint64_t *a, int64_t n, const uint64_t *b, int64_t m, int32_t *forth, int32_t *back,
                           int32_t *least_forth, int32_t *least_back)
{
    for (int64_t j = 0; j < m; j++)
        least_back[j] = 64 * WORDS + 1;
    for (int64_t i = 0; i < n; i++) {
        least_forth[i] = 64 * WORDS + 1;
        for (int64_t j = 0; j < m; j++) {
            int32_t apart = 0;
            for (int64_t k = 0; k < WORDS; k++)
                apart += __builtin_popcountll(a[i * WORDS + k] ^ b[j * WORDS + k]);
            if (apart < least_forth[i])
                least_forth[i] = apart, forth[i] = (int32_t)j;
            if (apart < least_back[j])
                least_back[j] = apart, back[j] = (int32_t)i;
        }
    }
}

/* The largest set of pairs of nearest features that say the same as one of them.
 *
 * a_points, b_points: (n, 4) and (m, 4); a_bits, b_bits: (n, 4) and (m, 4); near: bits in which a pair may differ;
 * limits: how far apart votes may be, in radians, octaves and pixels; out: (n, 2), the places of each pair.
 *
 * Returns how many they are, or -1 where there is no memory.
 */
API EACH_PROCESSOR int64_t agreeing_corners(const float *a_points, const uint64_t *a_bits, int64_t n,
                                            const float *b_points, const uint64_t *b_bits, int64_t m, int64_t near,
                                            const float *limits, int32_t *out)
{
    int32_t *memory = malloc((size_t)(2 * (n + m)) * sizeof *memory + 1);
    Vote *votes = malloc((size_t)n * sizeof *votes + 1);
    if (!memory || !votes) {
        free(memory);
        free(votes);
        return -1;
    }
    int32_t *forth = memory, *back = forth + n, *least = back + m;
    nearest(a_bits, n, b_bits, m, forth, back, least, least + n);
    int64_t pairs = 0, best = 0, most = 0;
    for (int32_t i = 0; i < n && m; i++)
        if (least[i] <= near && back[forth[i]] == i) {
            out[2 * pairs] = i, out[2 * pairs + 1] = forth[i];
            votes[pairs++] = vote_of(a_points + POINT * i, b_points + POINT * forth[i]);
        }
    for (int64_t i = 0; i < pairs; i++) {
        int64_t found = 0;
        for (int64_t j = 0; j < pairs; j++)
            found += alike(votes + i, votes + j, limits);
        if (found > most)
            most = found, best = i;
    }
    int64_t kept = 0;
    for (int64_t j = 0; j < pairs; j++)
        if (alike(votes + best, votes + j, limits)) {
            out[2 * kept] = out[2 * j], out[2 * kept + 1] = out[2 * j + 1];
            kept++;
        }
    free(memory);
    free(votes);
    return kept;
}
