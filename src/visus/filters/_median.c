/* Medians: of bytes by histograms of columns, in time that does not grow with the size; of anything else by ranks.
 *
 * Plain C11 without Python's headers, called through ctypes.
 */
#include "../_native.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Bytes: Perreault and Hebert, "Median filtering in constant time", IEEE TIP 2007. ---------------------------------
 *
 * Each column has tallies of the `size` pixels around the present row; those of a window are the sum over its columns.
 * They are counted in two steps, as there: by the upper four bits (coarse), and for each of these by the lower four
 * (fine), whose sums are brought up to date where the median needs them. Here the sixteen tallies of a step are
 * cumulative, so that the median is where half the window is reached, without a search.
 */
enum { LEVELS = 16, SPARE = LEVELS };

typedef int8_t Tallies __attribute__((vector_size(16), may_alias));
typedef int16_t EightCounts __attribute__((vector_size(16), may_alias));

typedef struct {
    EightCounts low, high;
} Counts;

typedef struct {
    int64_t width, size;
    int64_t stride;  /* of fine: odd, so that the levels of a column do not drive each other out of the cache */
    Tallies *coarse; /* (width,) */
    Tallies *fine;   /* (LEVELS, stride) */
    Tallies step[LEVELS]; /* what a pixel counts for: 1 from its own number on */
} Columns;

INLINE void add(Counts *counts, Tallies more)
{
    typedef int8_t Half __attribute__((vector_size(8)));
    union {
        Tallies whole;
        Half half[2];
    } parts = {more};
    counts->low += __builtin_convertvector(parts.half[0], EightCounts);
    counts->high += __builtin_convertvector(parts.half[1], EightCounts);
}

/* How many of sixteen numbers, none of which is less than the one before, are below 0. */
INLINE int negative(Counts counts)
{
#if defined(__SSE2__)
    return __builtin_ctz(~_mm_movemask_epi8(_mm_packs_epi16((__m128i)counts.low, (__m128i)counts.high)));
#else
    typedef uint64_t Two __attribute__((vector_size(16)));
    Two signs = (Two)(-(counts.low < 0) - (counts.high < 0)); /* 0, 1 or 2 in each place */
    return (int)((signs[0] + signs[1]) * 0x0001000100010001u >> 48);
#endif
}

INLINE int64_t inside(int64_t at, int64_t length)
{
    return at < 0 ? 0 : at >= length ? length - 1 : at;
}

INLINE void take_row(Columns *c, const uint8_t *come)
{
    for (int64_t x = 0; x < c->width; x++) {
        int value = come[x];
        c->coarse[x] += c->step[value >> 4];
        c->fine[(value >> 4) * c->stride + x] += c->step[value & 15];
    }
}

/* One row comes and another goes. Both tallies are read before one is written: where they are the same, the second
 * would wait for the first. */
INLINE void exchange_rows(Columns *c, const uint8_t *come, const uint8_t *gone)
{
    const Tallies masks[2] = {{0}, ~(Tallies){0}};
    for (int64_t x = 0; x < c->width; x++) {
        int in = come[x], out = gone[x];
        c->coarse[x] += c->step[in >> 4] - c->step[out >> 4];
        Tallies *one = c->fine + (in >> 4) * c->stride + x, *other = c->fine + (out >> 4) * c->stride + x;
        Tallies plus = c->step[in & 15], minus = c->step[out & 15], same = masks[one == other];
        Tallies more = *one + plus - (minus & same), less = *other - minus + (plus & same);
        *one = more;
        *other = less;
    }
}

/* The fine counts of the window around column x, from those that it had at an earlier one: the columns between are
 * exchanged, or where they are too many, all are summed. */
INLINE Counts caught_up(const Columns *c, const Tallies *line, Counts counts, int64_t from, int64_t x)
{
    int64_t reach = c->size / 2;
    if (2 * (x - from) > c->size) {
        counts = (Counts){0};
        for (int64_t column = x - reach; column <= x + reach; column++)
            add(&counts, line[inside(column, c->width)]);
        return counts;
    }
    for (int64_t at = from + 1; at <= x; at++)
        add(&counts, line[inside(at + reach, c->width)] - line[inside(at - reach - 1, c->width)]);
    return counts;
}

/* The medians of a row. Coarse counts begin below 0 by what a median has below it, and itself: the first that is not
 * negative is the median's. */
INLINE void sweep(const Columns *c, uint8_t *out)
{
    int64_t reach = c->size / 2, width = c->width, known[LEVELS + 1];
    int16_t less = (int16_t)(-c->size * c->size / 2 - 1), ladder[2 * LEVELS] __attribute__((aligned(32)));
    Counts coarse = {(EightCounts){0} + less, (EightCounts){0} + less}, fine = {0}, others[LEVELS + 1] = {0};
    const Tallies *line = c->fine;
    int level = SPARE;
    ladder[LEVELS - 1] = less;
    for (int k = 0; k < LEVELS; k++)
        known[k] = -2 * c->size;
    for (int64_t x = -reach - 1; x < reach; x++)
        add(&coarse, c->coarse[inside(x, width)]);
    for (int64_t x = 0; x < width; x++) {
        int64_t ahead = x + reach < width ? x + reach : width - 1, behind = x > reach ? x - reach - 1 : 0;
        add(&coarse, c->coarse[ahead] - c->coarse[behind]);
        *(EightCounts *)(ladder + LEVELS) = coarse.low;
        *(EightCounts *)(ladder + LEVELS + 8) = coarse.high;
        int now = negative(coarse);
        if (now != level) {
            others[level] = fine;
            known[level] = x - 1;
            line = c->fine + now * c->stride;
            fine = caught_up(c, line, others[now], known[now], x - 1);
            level = now;
        }
        add(&fine, line[ahead] - line[behind]);
        int16_t below = ladder[LEVELS - 1 + level]; /* what is missing to the median before this level */
        out[x] = (uint8_t)(LEVELS * level + negative((Counts){fine.low + below, fine.high + below}));
    }
}

/* The rows first <= y < last of the median over size x size pixels, size odd and at most 127 (a tally is a signed
 * byte); the border goes on as it is. from, out: (height, width). Returns 0, or -1 without memory. */
API EACH_PROCESSOR int median_bytes(const uint8_t *from, uint8_t *out, int64_t height, int64_t width, int64_t size,
                                    int64_t first, int64_t last)
{
    int64_t reach = size / 2, stride = (width + 63) / 64 * 64 + 5;
    Columns c = {width, size, stride, calloc((size_t)(stride * (LEVELS + 1)), sizeof(Tallies)), 0, {{0}}};
    if (!c.coarse)
        return -1;
    c.fine = c.coarse + stride;
    for (int k = 0; k < LEVELS; k++)
        for (int j = k; j < LEVELS; j++)
            c.step[k][j] = 1;
    for (int64_t y = first - reach; y < last + reach; y++) { /* the newest row; it completes the one `reach` above */
        const uint8_t *come = from + inside(y, height) * width;
        if (y <= first + reach)
            take_row(&c, come);
        else
            exchange_rows(&c, come, from + inside(y - size, height) * width);
        if (y >= first + reach)
            sweep(&c, out + (y - reach) * width);
    }
    free(c.coarse);
    return 0;
}

/* Anything else: Huang, Yang and Tang (1979), with ranks instead of gray levels. ------------------------------------ */


/* A window over a tile whose pixels are numbered by rank, each number once: a set of bits, and how many of its members
 * lie below the present guess. The guess follows the median, since neighboring windows differ by one row. */
typedef struct {
    uint64_t *bits;
    int64_t guess, below;
} Window;

static inline void enter(Window *window, const uint32_t *ranks, int64_t step, int64_t count)
{
    int64_t below = 0;
    for (int64_t k = 0; k < count; k++) {
        uint32_t rank = ranks[k * step];
        window->bits[rank >> 6] |= 1ull << (rank & 63);
        below += rank < window->guess;
    }
    window->below += below;
}

static inline void leave(Window *window, const uint32_t *ranks, int64_t step, int64_t count)
{
    int64_t below = 0;
    for (int64_t k = 0; k < count; k++) {
        uint32_t rank = ranks[k * step];
        window->bits[rank >> 6] &= ~(1ull << (rank & 63));
        below += rank < window->guess;
    }
    window->below -= below;
}

/* Move the guess to the member with exactly `half` members below it. */
static inline int64_t settle(Window *window, int64_t half)
{
    const uint64_t *bits = window->bits;
    int64_t word = window->guess >> 6, below = window->below;
    below -= __builtin_popcountll(bits[word] & ((1ull << (window->guess & 63)) - 1)); /* now: below this word */
    while (below > half)
        below -= __builtin_popcountll(bits[--word]);
    for (int64_t inside; below + (inside = __builtin_popcountll(bits[word])) <= half; word++)
        below += inside;
    uint64_t rest = bits[word];
    for (int64_t skip = half - below; skip; skip--)
        rest &= rest - 1;
    window->guess = (word << 6) + __builtin_ctzll(rest);
    window->below = half;
    return window->guess;
}

/* Sort keys with their places by 11 bits at a time, passing over digits that are the same everywhere. */
static void sort_keys(uint64_t *items, uint64_t *other, int64_t count, uint64_t **sorted)
{
    for (int shift = 32; shift < 64; shift += 11) {
        int64_t starts[2049] = {0};
        for (int64_t k = 0; k < count; k++)
            starts[((items[k] >> shift) & 2047) + 1]++;
        if (starts[((items[0] >> shift) & 2047) + 1] == count)
            continue;
        for (int digit = 0; digit < 2048; digit++)
            starts[digit + 1] += starts[digit];
        for (int64_t k = 0; k < count; k++)
            other[starts[(items[k] >> shift) & 2047]++] = items[k];
        uint64_t *swap = items;
        items = other;
        other = swap;
    }
    *sorted = items;
}

/* Median of every size x size window that fits into a tile.
 *
 * keys: the tile (height, width) with a row stride; its upper left window's median goes to out[0], and so on, with
 * out's own row stride. The window walks down one column and up the next. Returns 0, or -1 without memory.
 */
API int median_tile(const uint32_t *keys, int64_t key_stride, int64_t height, int64_t width, int64_t size,
                    uint32_t *out, int64_t out_stride)
{
    int64_t count = height * width, words = (count >> 6) + 1, half = size * size / 2;
    int64_t rows = height - size + 1, columns = width - size + 1;
    uint64_t *items = malloc((size_t)count * 2 * sizeof *items), *sorted;
    uint32_t *ranks = malloc((size_t)count * sizeof *ranks);
    Window window = {calloc((size_t)words, sizeof(uint64_t)), count / 2, 0};
    if (!items || !ranks || !window.bits) {
        free(items), free(ranks), free(window.bits);
        return -1;
    }
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            items[y * width + x] = (uint64_t)keys[y * key_stride + x] << 32 | (uint64_t)(y * width + x);
    sort_keys(items, items + count, count, &sorted);
    for (int64_t rank = 0; rank < count; rank++)
        ranks[(uint32_t)sorted[rank]] = (uint32_t)rank;

    for (int64_t y = 0; y < size; y++)
        enter(&window, ranks + y * width, 1, size);
    for (int64_t x = 0; x < columns; x++) {
        int64_t down = x % 2 == 0, y = down ? 0 : rows - 1;
        if (x) {
            leave(&window, ranks + y * width + x - 1, width, size);
            enter(&window, ranks + y * width + x - 1 + size, width, size);
        }
        for (int64_t k = 0; k < rows; k++) {
            if (k) {
                leave(&window, ranks + (down ? y : y + size - 1) * width + x, 1, size);
                y += down ? 1 : -1;
                enter(&window, ranks + (down ? y + size - 1 : y) * width + x, 1, size);
            }
            out[y * out_stride + x] = (uint32_t)(sorted[settle(&window, half)] >> 32);
        }
    }
    free(items), free(ranks), free(window.bits);
    return 0;
}
