/* A picture whose rows and columns go on beyond its border. */
#ifndef VISUS_BORDERS_H
#define VISUS_BORDERS_H

#include "../_native.h"

/* Lengths are in numbers: columns times channels. */
typedef struct {
    const void *from;        /* floats, or bytes where is_bytes */
    int is_bytes;
    int64_t count, channels; /* count: numbers of a row */
    const int64_t *rows;     /* which row is taken for each row from the first above the border on, or -1 for zeros */
    const int64_t *columns;  /* which number of a row likewise */
    int64_t before;          /* numbers that come before the border */
} Picture;

/* The number that stands at a place of a row with its borders. */
INLINE float number_at(const Picture *p, int64_t row, int64_t place)
{
    int64_t column = p->columns[place], at = row * p->count + column;
    return column < 0 ? 0 : p->is_bytes ? ((const uint8_t *)p->from)[at] : ((const float *)p->from)[at];
}

/* Copy some numbers of a row, borders included, from place `first` on, as floats. */
INLINE void copy_row(const Picture *p, int64_t row, int64_t first, int64_t count, float *restrict out)
{
    int64_t end = first + count, behind = p->before + p->count;
    int64_t low = first > p->before ? first : p->before < end ? p->before : end;
    int64_t high = end < behind ? end : behind > low ? behind : low;
    int64_t start = row * p->count + low - p->before;
    const uint8_t *restrict bytes = (const uint8_t *)p->from + start;
    if (row < 0) {
        memset(out, 0, (size_t)count * sizeof *out);
        return;
    }
    for (int64_t x = first; x < low; x++)
        out[x - first] = number_at(p, row, x);
    if (!p->is_bytes)
        memcpy(out + low - first, (const float *)p->from + start, (size_t)(high - low) * sizeof *out);
    else
        for (int64_t x = 0; x < high - low; x++)
            out[low - first + x] = bytes[x];
    for (int64_t x = high; x < end; x++)
        out[x - first] = number_at(p, row, x);
}

#endif
