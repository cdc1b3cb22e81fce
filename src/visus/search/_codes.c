/* One bit a dimension: the inner loops of the search by codes.
 *
 * Gao and Long, "RaBitQ: quantizing high-dimensional vectors with a theoretical error bound for approximate nearest
 * neighbor search", SIGMOD 2024: a vector of length 1 is turned at random and kept as the signs of its parts; its
 * product with a query is told from these to about 1 / sqrt(width). The codes of 32 rows lie together, so that one
 * instruction looks up four dimensions of 16 or 32 rows: Andre, Kermarrec and Le Scouarnec, "Cache locality is not
 * enough: high-performance nearest neighbor search with product quantization fast scan", VLDB 2015.
 *
 * Plain C without Python's headers, called through ctypes, which lets go of the interpreter's lock.
 */
#include <math.h>

#include "../_native.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define LANES 8  /* vectors that are turned together */
#define BLOCK 32 /* rows whose codes lie together */
#define AHEAD 4096 /* bytes that are fetched before they are needed */

/* Turn ------------------------------------------------------------------------------------------------------------ */

/* The Hadamard transform of a power of two of values, of several vectors at once, scaled to keep their lengths. */
static inline __attribute__((always_inline)) void hadamard(float (*x)[LANES], int64_t size)
{
    for (int64_t half = 1; half < size; half *= 2)
        for (int64_t start = 0; start < size; start += 2 * half)
            for (int64_t k = start; k < start + half; k++)
                for (int lane = 0; lane < LANES; lane++) {
                    float a = x[k][lane], b = x[k + half][lane];
                    x[k][lane] = a + b;
                    x[k + half][lane] = a - b;
                }
    float scale = 1.0f / sqrtf((float)size);
    for (int64_t k = 0; k < size; k++)
        for (int lane = 0; lane < LANES; lane++)
            x[k][lane] *= scale;
}

/* Turn vectors in place by a fixed rotation that looks random.
 *
 * x: (count, width); signs: (rounds, width), each 1 or -1. Each round changes signs, and transforms the first or the
 * last `size` values, the largest power of two that fits; the rounds take turns, so that all values mix.
 *
 * Returns -1 where there is no memory.
 */
API EACH_PROCESSOR int turn(float *x, int64_t count, int64_t width, const float *signs, int64_t rounds, int64_t size)
{
    float (*lanes)[LANES] = calloc((size_t)width, sizeof *lanes);
    if (!lanes)
        return -1;
    for (int64_t first = 0; first < count; first += LANES) {
        int64_t rows = count - first < LANES ? count - first : LANES;
        for (int64_t lane = 0; lane < rows; lane++)
            for (int64_t k = 0; k < width; k++)
                lanes[k][lane] = x[(first + lane) * width + k];
        for (int64_t round = 0; round < rounds; round++) {
            for (int64_t k = 0; k < width; k++)
                for (int lane = 0; lane < LANES; lane++)
                    lanes[k][lane] *= signs[round * width + k];
            hadamard(round % 2 ? lanes + width - size : lanes, size);
        }
        for (int64_t lane = 0; lane < rows; lane++)
            for (int64_t k = 0; k < width; k++)
                x[(first + lane) * width + k] = lanes[k][lane];
    }
    free(lanes);
    return 0;
}

/* Codes ----------------------------------------------------------------------------------------------------------- */

/* The codes of turned vectors, as if they had length 1.
 *
 * x: (count, width), width a multiple of 64. codes: (blocks, width / 4, 16), zeros before: byte r of a group of four dimensions has those of
 * row r of the block in its lower half, and those of row r + 16 in its upper half, a bit set where the value is not
 * negative. factors: (blocks * 32,), length / sum of |x|; what has no length keeps the NaN that stands there before.
 */
API EACH_PROCESSOR void encode(const float *x, int64_t count, int64_t width, uint8_t *codes, float *factors)
{
    int64_t groups = width / 4;
    for (int64_t n = 0; n < count; n++) {
        const float *row = x + n * width;
        uint8_t *bytes = codes + (n / BLOCK) * groups * 16 + n % 16;
        int shift = n % BLOCK < 16 ? 0 : 4;
        float totals[LANES] = {0}, squares[LANES] = {0}, total = 0, square = 0;
        for (int64_t k = 0; k < width; k += LANES)
            for (int lane = 0; lane < LANES; lane++) {
                totals[lane] += fabsf(row[k + lane]);
                squares[lane] += row[k + lane] * row[k + lane];
            }
        for (int lane = 0; lane < LANES; lane++) {
            total += totals[lane];
            square += squares[lane];
        }
        for (int64_t g = 0; g < groups; g++) {
            int four = 0;
            for (int k = 0; k < 4; k++)
                four |= (row[4 * g + k] >= 0) << k;
            bytes[16 * g] |= (uint8_t)(four << shift);
        }
        if (total > 0)
            factors[n] = sqrtf(square) / total;
    }
}

/* Search ---------------------------------------------------------------------------------------------------------- */

/* Sums of looked up values, one for each row of a block.
 *
 * codes: (groups, 16); table: (groups, 16), the value of each set of signs of four dimensions, at most 31, so that a
 * byte holds the sum of eight of them.
 */
typedef void Sums(const uint8_t *codes, const uint8_t *table, int64_t groups, uint16_t *sums);

static void plain_sums(const uint8_t *codes, const uint8_t *table, int64_t groups, uint16_t *sums)
{
    memset(sums, 0, BLOCK * sizeof *sums);
    for (int64_t g = 0; g < groups; g++)
        for (int r = 0; r < 16; r++) {
            sums[r] += table[16 * g + (codes[16 * g + r] & 15)];
            sums[r + 16] += table[16 * g + (codes[16 * g + r] >> 4)];
        }
}

#if defined(__x86_64__) && defined(__GNUC__)
/* Two groups at a time, eight such pairs to a sum of bytes; a code has a multiple of sixteen groups. */
__attribute__((target("avx2"))) static void wide_sums(const uint8_t *codes, const uint8_t *table, int64_t groups,
                                                      uint16_t *sums)
{
    __m256i half = _mm256_set1_epi8(15), byte = _mm256_set1_epi16(255);
    __m256i total[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int64_t g = 0; g < groups; g += 16) {
        __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
        for (int line = 0; line < 4; line++) /* codes of the next block, so that it is there in time: twice as fast */
            __builtin_prefetch(codes + 16 * g + AHEAD + 64 * line);
        for (int64_t k = g; k < g + 16; k += 2) {
            __m256i code = _mm256_loadu_si256((const __m256i *)(codes + 16 * k));
            __m256i values = _mm256_loadu_si256((const __m256i *)(table + 16 * k));
            low = _mm256_add_epi8(low, _mm256_shuffle_epi8(values, _mm256_and_si256(code, half)));
            code = _mm256_and_si256(_mm256_srli_epi16(code, 4), half);
            high = _mm256_add_epi8(high, _mm256_shuffle_epi8(values, code));
        }
        total[0] = _mm256_add_epi16(total[0], _mm256_and_si256(low, byte)); /* even rows of both groups of a pair */
        total[1] = _mm256_add_epi16(total[1], _mm256_srli_epi16(low, 8));   /* odd rows */
        total[2] = _mm256_add_epi16(total[2], _mm256_and_si256(high, byte));
        total[3] = _mm256_add_epi16(total[3], _mm256_srli_epi16(high, 8));
    }
    for (int part = 0; part < 2; part++) {
        __m256i even = total[2 * part], odd = total[2 * part + 1];
        __m128i evens = _mm_add_epi16(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
        __m128i odds = _mm_add_epi16(_mm256_castsi256_si128(odd), _mm256_extracti128_si256(odd, 1));
        _mm_storeu_si128((__m128i *)(sums + 16 * part), _mm_unpacklo_epi16(evens, odds));
        _mm_storeu_si128((__m128i *)(sums + 16 * part + 8), _mm_unpackhi_epi16(evens, odds));
    }
}

static Sums *sums_of_this_processor(void)
{
    return __builtin_cpu_supports("avx2") ? wide_sums : plain_sums;
}
#elif defined(__aarch64__)
static void neon_sums(const uint8_t *codes, const uint8_t *table, int64_t groups, uint16_t *sums)
{
    uint16x8_t total[4] = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0)};
    for (int64_t g = 0; g < groups; g++) {
        uint8x16_t code = vld1q_u8(codes + 16 * g), values = vld1q_u8(table + 16 * g);
        uint8x16_t low = vqtbl1q_u8(values, vandq_u8(code, vdupq_n_u8(15)));
        uint8x16_t high = vqtbl1q_u8(values, vshrq_n_u8(code, 4));
        total[0] = vaddw_u8(total[0], vget_low_u8(low));
        total[1] = vaddw_u8(total[1], vget_high_u8(low));
        total[2] = vaddw_u8(total[2], vget_low_u8(high));
        total[3] = vaddw_u8(total[3], vget_high_u8(high));
    }
    for (int k = 0; k < 4; k++)
        vst1q_u16(sums + 8 * k, total[k]);
}

static Sums *sums_of_this_processor(void) { return neon_sums; }
#else
static Sums *sums_of_this_processor(void) { return plain_sums; }
#endif

/* The scores of a block's rows; tells the best of them, leaving out NaN. */
EACH_PROCESSOR static float score(const uint16_t *sums, const float *factors, float base, float step, float *scores)
{
    float best = -INFINITY;
    for (int r = 0; r < BLOCK; r++) {
        scores[r] = (base + step * (float)sums[r]) * factors[r];
        best = scores[r] > best ? scores[r] : best;
    }
    return best;
}

typedef struct {
    float score;
    int32_t place;
} Candidate;

/* Bring the `keep` best to the front (quickselect); tells the least score among them. */
static float best_to_front(Candidate *found, int64_t count, int64_t keep)
{
    int64_t low = 0, high = count - 1, last = keep - 1;
    while (low < high) {
        float pivot = found[low + (high - low) / 2].score;
        int64_t i = low, j = high;
        while (i <= j) {
            while (found[i].score > pivot)
                i++;
            while (found[j].score < pivot)
                j--;
            if (i <= j) {
                Candidate other = found[i];
                found[i++] = found[j];
                found[j--] = other;
            }
        }
        if (last <= j)
            high = j;
        else if (last >= i)
            low = i;
        else
            break;
    }
    return found[last].score;
}

/* The rows whose codes agree best with a query.
 *
 * codes, factors: as encode gives them, of `count` rows; allowed: a byte for each row, 0 where it may not answer, or
 * NULL; table: see Sums. A row's score is (base + step * its sum) * its factor. plain: whether to do without the
 * processor's wide instructions. least: what a score must exceed. scores, places: room for `keep` rows, which come in
 * no order.
 *
 * Returns how many were found; -1 where there is no memory.
 */
API int64_t nearest(const uint8_t *codes, const float *factors, const uint8_t *allowed, int64_t count, int64_t width,
                    const uint8_t *table, float base, float step, int plain, float least, int64_t keep, float *scores,
                    int32_t *places)
{
    Sums *sums_of = plain ? plain_sums : sums_of_this_processor();
    int64_t groups = width / 4, room = 2 * keep + 64, found = 0;
    Candidate *list = malloc((size_t)room * sizeof *list);
    if (!list)
        return -1;
    for (int64_t first = 0; first < count; first += BLOCK) {
        uint16_t sums[BLOCK];
        float own[BLOCK];
        int64_t rows = count - first < BLOCK ? count - first : BLOCK;
        sums_of(codes + first / BLOCK * groups * 16, table, groups, sums);
        if (!(score(sums, factors + first, base, step, own) > least))
            continue;
        for (int64_t r = 0; r < rows; r++) {
            if (!(own[r] > least) || (allowed && !allowed[first + r]))
                continue;
            list[found].score = own[r];
            list[found++].place = (int32_t)(first + r);
            if (found == room) {
                least = best_to_front(list, found, keep);
                found = keep;
            }
        }
    }
    if (found > keep) {
        best_to_front(list, found, keep);
        found = keep;
    }
    for (int64_t k = 0; k < found; k++) {
        scores[k] = list[k].score;
        places[k] = list[k].place;
    }
    free(list);
    return found;
}

/* One another ----------------------------------------------------------------------------------------------------- */

#define TILE 512  /* rows that are compared with all others while they are at hand */
#define FIRST 8   /* words that are looked at before the rest */
#define SLACK 26  /* bits by which these may differ more than their share, some three standard deviations */

static inline __attribute__((always_inline)) int32_t differing(const uint64_t *a, const uint64_t *b, int64_t count)
{
    int32_t bits = 0;
    for (int64_t k = 0; k < count; k++)
        bits += __builtin_popcountll(a[k] ^ b[k]);
    return bits;
}

/* Of the rows from `from` to `to`, the `keep` others whose bits differ least, in order.
 *
 * words: (count, width), width at least FIRST; places: (to - from, keep), -1 where there are no more others.
 *
 * Returns -1 where there is no memory.
 */
API EACH_PROCESSOR int alike(const uint64_t *words, int64_t count, int64_t width, int64_t from, int64_t to,
                             int64_t keep, int32_t *places)
{
    int32_t *apart = malloc((size_t)((to - from) * keep + 1) * sizeof *apart);
    if (!apart)
        return -1;
    for (int64_t k = 0; k < (to - from) * keep; k++) {
        apart[k] = (int32_t)(64 * width + 1);
        places[k] = -1;
    }
    for (int64_t tile = 0; tile < count; tile += TILE)
        for (int64_t row = from; row < to; row++) {
            int64_t end = tile + TILE < count ? tile + TILE : count;
            int32_t *best = apart + (row - from) * keep, *who = places + (row - from) * keep;
            for (int64_t other = tile; other < end; other++) {
                const uint64_t *a = words + row * width, *b = words + other * width;
                int32_t bits = differing(a, b, FIRST);
                if ((bits - SLACK) * width >= (int64_t)best[keep - 1] * FIRST || other == row)
                    continue;
                bits += differing(a + FIRST, b + FIRST, width - FIRST);
                if (bits >= best[keep - 1])
                    continue;
                int64_t at = keep - 1;
                for (; at > 0 && best[at - 1] > bits; at--) {
                    best[at] = best[at - 1];
                    who[at] = who[at - 1];
                }
                best[at] = bits;
                who[at] = (int32_t)other;
            }
        }
    free(apart);
    return 0;
}

/* In full --------------------------------------------------------------------------------------------------------- */

#if !defined(_WIN32)
#include <unistd.h>

/* Read parts of a file, each of `size` bytes, one after the other into `out`; tells how many came whole. */
API int64_t gather(int file, const int64_t *offsets, int64_t count, int64_t size, uint8_t *out)
{
    for (int64_t k = 0; k < count; k++)
        if (pread(file, out + k * size, (size_t)size, offsets[k]) != (ssize_t)size)
            return k;
    return count;
}
#endif

/* A half float (IEEE 754 binary16) as a float. */
static inline float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = (uint32_t)(half & 0x7fff) << 13, bits;
    float value;
    if (rest >= 0x0f800000) /* infinity, or not a number */
        bits = rest | 0x7f800000;
    else
        bits = rest;
    memcpy(&value, &bits, sizeof value);
    if (rest < 0x0f800000)
        value *= 0x1p112f; /* the exponent of halves begins elsewhere; small ones become right as well */
    memcpy(&bits, &value, sizeof bits);
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Products of vectors with three others and with themselves.
 *
 * x: (count, width), halves; others: (3, width); out: (count, 4).
 */
typedef void Products(const uint16_t *x, int64_t count, int64_t width, const float *others, float *out);

/* The products of one vector from some value on, added to what is there. */
static void add_products(const uint16_t *row, int64_t from, int64_t width, const float *others, float *out)
{
    for (int64_t k = from; k < width; k++) {
        float value = from_half(row[k]);
        for (int part = 0; part < 3; part++)
            out[part] += value * others[part * width + k];
        out[3] += value * value;
    }
}

static void plain_products(const uint16_t *x, int64_t count, int64_t width, const float *others, float *out)
{
    memset(out, 0, (size_t)count * 4 * sizeof *out);
    for (int64_t n = 0; n < count; n++)
        add_products(x + n * width, 0, width, others, out + 4 * n);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma"))) static inline float sum(__m256 x)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* Eight values at a time; what is left over by the plain loop. */
__attribute__((target("avx2,fma,f16c"))) static void wide_products(const uint16_t *x, int64_t count, int64_t width,
                                                                   const float *others, float *out)
{
    int64_t eights = width / 8 * 8;
    for (int64_t n = 0; n < count; n++) {
        const uint16_t *row = x + n * width;
        __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
        for (int64_t k = 0; k < eights; k += 8) {
            __m256 value = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(row + k)));
            a = _mm256_fmadd_ps(value, _mm256_loadu_ps(others + k), a);
            b = _mm256_fmadd_ps(value, _mm256_loadu_ps(others + width + k), b);
            c = _mm256_fmadd_ps(value, _mm256_loadu_ps(others + 2 * width + k), c);
            d = _mm256_fmadd_ps(value, value, d);
        }
        out[4 * n] = sum(a);
        out[4 * n + 1] = sum(b);
        out[4 * n + 2] = sum(c);
        out[4 * n + 3] = sum(d);
        add_products(row, eights, width, others, out + 4 * n);
    }
}

static Products *products_of_this_processor(void)
{
    /* Every processor with AVX2 converts halves; old compilers cannot be asked about that. */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? wide_products : plain_products;
}
#else
static Products *products_of_this_processor(void) { return plain_products; }
#endif

API void products(const uint16_t *x, int64_t count, int64_t width, const float *others, int plain, float *out)
{
    (plain ? plain_products : products_of_this_processor())(x, count, width, others, out);
}
