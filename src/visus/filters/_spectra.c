/* A picture convolved with a bank of kernels by Fourier transforms whose sides are powers of two: the answers of two
 * real kernels a, b are the real and the imaginary part of that of a + i b. (Cooley and Tukey 1965; four parts at a
 * time, decimated in frequency, eight lines side by side.)
 *
 * Plain C11 without Python's headers, called through ctypes.
 */
#include "../_native.h"

/* A transform of one length. */
typedef struct {
    int64_t n;            /* a power of two, at least eight */
    const float *cosine, *sine; /* (n,) of 2 pi k / n */
    const int32_t *place; /* (n,): where each frequency comes to lie */
} Plan;

/* Eight lines side by side, real and imaginary parts apart; the next eight lie `stride` numbers on. So whatever is read
 * lies in one piece, since numbers that are a power of two apart drive one another out of the cache. */
typedef struct {
    float *re, *im;
    int64_t stride;
} Lines;

#if defined(__clang__) || __GNUC__ >= 12
#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(a, b, ...) __builtin_shuffle(a, b, (EightWhole){__VA_ARGS__})
#endif

/* Rows of eight become columns. */
INLINE void transpose(Eight *m)
{
    Eight one[8], two[8];
    for (int k = 0; k < 8; k += 2) {
        one[k] = MIX(m[k], m[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        one[k + 1] = MIX(m[k], m[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int k = 0; k < 8; k += 4)
        for (int j = 0; j < 2; j++) {
            two[k + j] = MIX(one[k + j], one[k + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            two[k + j + 2] = MIX(one[k + j], one[k + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        m[k] = MIX(two[k], two[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        m[k + 4] = MIX(two[k], two[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Four numbers, `step` apart, and the sums of them with powers of i, turned by once, twice and three times an angle. */
INLINE void butterfly(Eight *re, Eight *im, int64_t step, const float *c, const float *s, int is_turned)
{
    Eight even_re = re[0] + re[2 * step], even_im = im[0] + im[2 * step];
    Eight odd_re = re[0] - re[2 * step], odd_im = im[0] - im[2 * step];
    Eight sum_re = re[step] + re[3 * step], sum_im = im[step] + im[3 * step];
    Eight side_re = im[3 * step] - im[step], side_im = re[step] - re[3 * step]; /* times i */
    Eight x[4] = {even_re + sum_re, odd_re + side_re, even_re - sum_re, odd_re - side_re};
    Eight y[4] = {even_im + sum_im, odd_im + side_im, even_im - sum_im, odd_im - side_im};
    for (int k = 0; k < 4; k++)
        if (k && is_turned) {
            re[k * step] = c[k] * x[k] - s[k] * y[k];
            im[k * step] = s[k] * x[k] + c[k] * y[k];
        } else {
            re[k * step] = x[k];
            im[k * step] = y[k];
        }
}

/* The inverse transform, but for its scale, of eight lines side by side; frequencies come to lie at their places. */
INLINE void transform(const Plan *p, Eight *re, Eight *im)
{
    int64_t length = p->n;
    for (; length >= 4; length /= 4) {
        int64_t quarter = length / 4, step = p->n / length;
        for (int64_t j = 0; j < quarter; j++) {
            float c[4], s[4];
            for (int k = 1; k < 4; k++)
                c[k] = p->cosine[k * j * step], s[k] = p->sine[k * j * step];
            for (int64_t start = j; start < p->n; start += length)
                if (j)
                    butterfly(re + start, im + start, quarter, c, s, 1);
                else
                    butterfly(re + start, im + start, quarter, c, s, 0);
        }
    }
    for (int64_t k = 0; k < p->n && length == 2; k += 2) {
        Eight x = re[k] - re[k + 1], y = im[k] - im[k + 1];
        re[k] += re[k + 1], im[k] += im[k + 1];
        re[k + 1] = x, im[k + 1] = y;
    }
}

/* Eight frequencies from the first on of eight lines, one in a row each. */
INLINE void gather(const Plan *p, const Eight *lines, int64_t first, Eight *block)
{
    for (int k = 0; k < WIDE; k++)
        block[k] = lines[p->place[first + k]];
    transpose(block);
}

/* Transform eight lines; each becomes one number of as many other lines. */
INLINE void turn(const Plan *p, Eight *re, Eight *im, Lines to)
{
    transform(p, re, im);
    for (int64_t first = 0; first < p->n; first += WIDE) {
        gather(p, re, first, (Eight *)(to.re + first / WIDE * to.stride));
        gather(p, im, first, (Eight *)(to.im + first / WIDE * to.stride));
    }
}

INLINE void load(const float *from, int64_t stride, int64_t n, Eight *lines)
{
    for (int64_t k = 0; k < n; k++)
        lines[k] = *(const Eight *)(from + k * stride);
}

/* The spectrum (2, columns / 8, rows, 8) of a tile (2, rows, columns): real parts, then imaginary ones. The forward
 * transform is the inverse one with both exchanged. Returns 0, or -1 without memory. */
API EACH_PROCESSOR int fourier_spectrum(const Plan *down, const Plan *along, const float *tile, float *spectrum)
{
    int64_t rows = down->n, columns = along->n, size = rows * columns, most = rows > columns ? rows : columns;
    float *room = malloc((size_t)(2 * size + 2 * most * WIDE) * sizeof *room), *half_re = room, *half_im = room + size;
    if (!room)
        return -1;
    Eight *re = (Eight *)(room + 2 * size), *im = re + most;
    for (int64_t x = 0; x < columns; x += WIDE) {
        load(tile + size + x, columns, rows, re);
        load(tile + x, columns, rows, im);
        turn(down, re, im, (Lines){half_re + x * WIDE, half_im + x * WIDE, columns * WIDE});
    }
    for (int64_t y = 0; y < rows; y += WIDE) {
        load(half_re + y * columns, WIDE, columns, re);
        load(half_im + y * columns, WIDE, columns, im);
        turn(along, re, im, (Lines){spectrum + size + y * WIDE, spectrum + y * WIDE, rows * WIDE});
    }
    free(room);
    return 0;
}

/* What becomes of the answers of one kernel: they are written, or the absolute values are added up. */
typedef struct {
    float *out;    /* (height, width), with out's own row stride; NULL where they are added up */
    double *total;
    float gray;    /* is added to each */
} Answer;

INLINE void deliver(const Plan *p, const Eight *lines, Answer to, int64_t stride, int64_t rows, int64_t columns)
{
    const EightWhole index = {0, 1, 2, 3, 4, 5, 6, 7};
    Eight block[WIDE], sum = {0};
    for (int64_t first = 0; first < columns; first += WIDE) {
        int64_t count = columns - first < WIDE ? columns - first : WIDE;
        gather(p, lines, first, block);
        for (int64_t k = 0; k < rows; k++) {
            Eight row = block[k] + to.gray;
            if (!to.out)
                sum += (Eight)((EightWhole)row & 0x7fffffff & (index < (int32_t)count)); /* absolute values */
            else if (count == WIDE)
                *(Eight *)(to.out + k * stride + first) = row;
            else
                memcpy(to.out + k * stride + first, &row, (size_t)count * sizeof(float));
        }
    }
    for (int k = 0; k < WIDE && !to.out; k++)
        *to.total += sum[k];
}

/* The answers of kernels to a tile.
 *
 * spectrum: of the tile, and spectra: (ceil(kernels / 2), 2, columns / 8, rows, 8) those of pairs of kernels as a + i b,
 * with the scale of the inverse transform. What counts are the first `height` rows and `width` columns. grays: (kernels,)
 * are added. Answers go to out, (kernels, ...) with its strides, or where that is NULL, their absolute values are added
 * to totals (kernels,). Returns 0, or -1 without memory. */
API EACH_PROCESSOR int fourier_answers(const Plan *down, const Plan *along, const float *spectrum, const float *spectra,
                                       int64_t kernels, int64_t height, int64_t width, const float *grays, float *out,
                                       int64_t plane, int64_t stride, double *totals)
{
    int64_t rows = down->n, columns = along->n, size = rows * columns, most = rows > columns ? rows : columns;
    float *room = malloc((size_t)(2 * size + 2 * most * WIDE) * sizeof *room), *half_re = room, *half_im = room + size;
    if (!room)
        return -1;
    Eight *re = (Eight *)(room + 2 * size), *im = re + most;
    for (int64_t one = 0; one < kernels; one += 2, spectra += 2 * size) {
        for (int64_t x = 0; x < columns; x += WIDE) {
            for (int64_t y = 0; y < rows; y++) {
                int64_t at = x * rows + y * WIDE;
                Eight a = *(const Eight *)(spectrum + at), b = *(const Eight *)(spectrum + size + at);
                Eight c = *(const Eight *)(spectra + at), d = *(const Eight *)(spectra + size + at);
                re[y] = a * c - b * d;
                im[y] = a * d + b * c;
            }
            turn(down, re, im, (Lines){half_re + x * WIDE, half_im + x * WIDE, columns * WIDE});
        }
        for (int64_t y = 0; y < height; y += WIDE) {
            int64_t count = height - y < WIDE ? height - y : WIDE, other = one + 1;
            load(half_re + y * columns, WIDE, columns, re);
            load(half_im + y * columns, WIDE, columns, im);
            transform(along, re, im);
            float *place = out ? out + one * plane + y * stride : NULL;
            deliver(along, re, (Answer){place, totals + one, grays[one]}, stride, count, width);
            if (other < kernels)
                deliver(along, im, (Answer){out ? place + plane : NULL, totals + other, grays[other]}, stride, count,
                        width);
        }
    }
    free(room);
    return 0;
}
