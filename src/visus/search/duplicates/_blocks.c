/* Square blocks of two pictures: how they correlate, and where they fit best.
 *
 * Plain C without Python's headers, called through ctypes, which lets go of the interpreter's lock. Pictures are
 * (height, width) floats; a corner is the top and left of a block in pixels.
 */
#include <math.h>

#include "../../_native.h"

#define LANES 16 /* places beside each other that are tried together */
#define FEW 8    /* the same where there are not more */
#define AS_GOOD 0.0005f /* correlation by which a place may be worse than the best and count as good as it */

/* The blocks of two pictures ---------------------------------------------------------------------------------------- */

/* Values of a block, with zeros after it up to a multiple of LANES. */
static inline int64_t room_of(int64_t side) { return (side * side + LANES - 1) / LANES * LANES; }

static inline __attribute__((always_inline)) float product(const float *x, const float *y, int64_t room)
{
    float sums[LANES] = {0}, sum = 0;
    for (int64_t k = 0; k < room; k += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += x[k + lane] * y[k + lane];
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

/* Copy a block without its mean, which is told. */
static inline __attribute__((always_inline)) float take(float *block, const float *picture, int64_t width, int64_t side)
{
    float sums[LANES] = {0}, sum = 0;
    for (int64_t y = 0; y < side; y++)
        memcpy(block + y * side, picture + y * width, (size_t)side * sizeof *block);
    for (int64_t k = 0; k < room_of(side); k += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += block[k + lane];
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    for (int64_t k = 0; k < side * side; k++)
        block[k] -= sum / (float)(side * side);
    return sum / (float)(side * side);
}

/* Take the means of its rows and of its columns away from a block of mean 0. */
static inline __attribute__((always_inline)) void without_lines(float *block, int64_t side, float *lines)
{
    enum { PARTS = 4 }; /* of a sum: each alone waits for the one before */
    memset(lines, 0, (size_t)side * sizeof *lines);
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < side; x++)
            lines[x] += block[y * side + x];
    float share = 1 / (float)side;
    for (int64_t y = 0; y < side; y++) {
        float *row = block + y * side, sums[PARTS] = {0};
        int64_t x = 0;
        for (; x + PARTS <= side; x += PARTS)
            for (int part = 0; part < PARTS; part++)
                sums[part] += row[x + part];
        for (; x < side; x++)
            sums[0] += row[x];
        float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        for (x = 0; x < side; x++)
            row[x] -= (sum + lines[x]) * share;
    }
}

/* How blocks of two pictures, each of a width, belong together.
 *
 * x_corners, y_corners: (count, 2); line: standard deviation from which a block's detail counts; out: (count, 6): mean
 * of x, mean of y, standard deviation of x, of y, of their difference without the means, and the correlation, the
 * lesser of two: of the blocks, and, where both have so much detail, of the blocks without the means of their rows and
 * columns.
 *
 * Returns -1 where there is no memory.
 */
API EACH_PROCESSOR int compare_blocks(const float *x, int64_t x_width, const int64_t *x_corners, const float *y,
                                      int64_t y_width, const int64_t *y_corners, int64_t count, int64_t side,
                                      float line, float *out)
{
    int64_t room = room_of(side);
    float *memory = calloc((size_t)(2 * room + side), sizeof *memory), pixels = (float)(side * side);
    if (!memory)
        return -1;
    float *a = memory, *b = a + room, *lines = b + room;
    for (int64_t n = 0; n < count; n++) {
        float *own = out + 6 * n;
        own[0] = take(a, x + x_corners[2 * n] * x_width + x_corners[2 * n + 1], x_width, side);
        own[1] = take(b, y + y_corners[2 * n] * y_width + y_corners[2 * n + 1], y_width, side);
        float aa = product(a, a, room), bb = product(b, b, room), ab = product(a, b, room);
        own[2] = sqrtf(aa / pixels);
        own[3] = sqrtf(bb / pixels);
        own[4] = sqrtf(fmaxf(aa + bb - 2 * ab, 0) / pixels);
        own[5] = ab / fmaxf(sqrtf(aa) * sqrtf(bb), 1e-6f);
        if (sqrtf(fminf(aa, bb) / pixels) < line)
            continue; /* and no more without its lines */
        without_lines(a, side, lines);
        without_lines(b, side, lines);
        aa = product(a, a, room), bb = product(b, b, room), ab = product(a, b, room);
        if (sqrtf(fminf(aa, bb) / pixels) >= line)
            own[5] = fminf(own[5], ab / fmaxf(sqrtf(aa) * sqrtf(bb), 1e-6f));
    }
    free(memory);
    return 0;
}

/* Where blocks fit -------------------------------------------------------------------------------------------------- */

/* How far beside a place the top of the parabola through three values lies, in [-0.5, 0.5]. */
static float peak(float before, float here, float after)
{
    float bend = before - 2 * here + after;
    return bend < -1e-9f ? fmaxf(-0.5f, fminf(0.5f, 0.5f * (before - after) / bend)) : 0.0f;
}

/* Products of a block of mean 0 with what lies under it at some places beside each other. */
static inline __attribute__((always_inline)) void products_at(const float *block, int64_t side, const float *under,
                                                              int64_t width, int lanes, float *out)
{
    float sums[LANES] = {0};
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < side; x++)
            for (int lane = 0; lane < lanes; lane++)
                sums[lane] += block[y * side + x] * under[y * width + x + lane];
    for (int lane = 0; lane < lanes; lane++)
        out[lane] = sums[lane];
}

/* Add a row to the sums of columns and of their squares, or take it away. */
static inline __attribute__((always_inline)) void add_row(const float *row, int64_t columns, double sign, double *sums)
{
    for (int64_t x = 0; x < columns; x++) {
        double value = row[x];
        sums[x] += sign * value;
        sums[columns + x] += sign * value * value;
    }
}

/* Standard deviations, times the side, of what lies under a block at some places beside each other. */
static inline __attribute__((always_inline)) void spreads_at(const double *sums, int64_t side, int64_t places,
                                                             float *spreads)
{
    int64_t columns = side + places - 1;
    double total = 0, squares = 0;
    for (int64_t x = 0; x < columns; x++) {
        total += sums[x];
        squares += sums[columns + x];
        if (x < side - 1)
            continue;
        double square = squares - total * total / (double)(side * side);
        spreads[x - side + 1] = sqrtf((float)(square > 0 ? square : 0));
        total -= sums[x - side + 1];
        squares -= sums[columns + x - side + 1];
    }
}

/* Of the places that are as good as the best, the one nearest to a block's own: along a straight edge all are. */
static int64_t nearest_of(const float *found, int64_t best, int64_t lanes, int64_t rows, int64_t columns, int64_t above,
                          int64_t before)
{
    float least = found[best] - AS_GOOD;
    int64_t nearest = best, closest = INT64_MAX;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            int64_t far = (r - above) * (r - above) + (c - before) * (c - before);
            if (far < closest && found[r * lanes + c] >= least) {
                closest = far;
                nearest = r * lanes + c;
            }
        }
    return nearest;
}

/* Where blocks of a first picture fit best in a second one of the same shape, near their own place.
 *
 * corners: (count, 2); radius: how far beside its place a block is tried, in pixels; out: (count, 5): the correlation
 * there, how many rows and columns that is off, and the same with the fraction of a pixel where the peak lies between.
 *
 * Returns -1 where there is no memory.
 */
API EACH_PROCESSOR int fit_blocks(const float *x, const float *y, int64_t height, int64_t width,
                                  const int64_t *corners, int64_t count, int64_t side, int64_t radius, float *out)
{
    int64_t most = 2 * radius + 1, lanes = most <= FEW ? FEW : (most + LANES - 1) / LANES * LANES, wide = side + lanes;
    int64_t window = (side + 2 * radius) * wide;
    int64_t room = room_of(side);
    float *memory = calloc((size_t)(room + window + most * lanes + lanes), sizeof *memory);
    double *sums = malloc((size_t)(2 * wide) * sizeof *sums);
    if (!memory || !sums) {
        free(memory);
        free(sums);
        return -1;
    }
    float *block = memory, *around = block + room, *found = around + window, *spreads = found + most * lanes;
    for (int64_t n = 0; n < count; n++) {
        int64_t top = corners[2 * n], left = corners[2 * n + 1];
        int64_t above = top < radius ? top : radius, before = left < radius ? left : radius;
        int64_t below = height - top - side < radius ? height - top - side : radius;
        int64_t after = width - left - side < radius ? width - left - side : radius;
        int64_t rows = above + below + 1, columns = before + after + 1;
        take(block, x + top * width + left, width, side);
        float length = sqrtf(product(block, block, room));
        for (int64_t r = 0; r < rows + side - 1; r++)
            memcpy(around + r * wide, y + (top - above + r) * width + left - before,
                   (size_t)(columns + side - 1) * sizeof *around);
        int64_t best = 0, across = columns + side - 1;
        memset(sums, 0, 2 * (size_t)across * sizeof *sums);
        for (int64_t r = 0; r < side - 1; r++)
            add_row(around + r * wide, across, 1, sums);
        for (int64_t r = 0; r < rows; r++) {
            add_row(around + (r + side - 1) * wide, across, 1, sums);
            spreads_at(sums, side, columns, spreads);
            add_row(around + r * wide, across, -1, sums);
            if (lanes == FEW)
                products_at(block, side, around + r * wide, wide, FEW, found + r * lanes);
            for (int64_t first = 0; first < columns && lanes != FEW; first += LANES)
                products_at(block, side, around + r * wide + first, wide, LANES, found + r * lanes + first);
            for (int64_t c = 0; c < columns; c++) {
                float both = length * spreads[c], *here = found + r * lanes + c;
                *here = both > 1e-3f ? *here / both : 0;
                best = *here > found[best] ? r * lanes + c : best;
            }
        }
        best = nearest_of(found, best, lanes, rows, columns, above, before);
        int64_t r = best / lanes, c = best % lanes;
        float *own = out + 5 * n, *here = found + best;
        own[0] = *here;
        own[1] = own[3] = (float)(r - above);
        own[2] = own[4] = (float)(c - before);
        if (r > 0 && r < rows - 1)
            own[3] += peak(here[-lanes], here[0], here[lanes]);
        if (c > 0 && c < columns - 1)
            own[4] += peak(here[-1], here[0], here[1]);
    }
    free(memory);
    free(sums);
    return 0;
}
