/* What the compiled parts of visus have in common. */
#ifndef VISUS_NATIVE_H
#define VISUS_NATIVE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define API __declspec(dllexport)
#else
#define API
#endif

/* One machine code for each generation of processors, chosen as the library is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__)
#define EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define EACH_PROCESSOR
#endif

/* Eight numbers at a time, at any address: a language extension of GCC and Clang, which cut it to what there is. */
typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t EightWhole __attribute__((vector_size(32), aligned(4), may_alias));
enum { WIDE = 8 };
#define INLINE static inline __attribute__((always_inline))

enum { LINE = 16 }; /* floats of a line of the cache */

/* Where a line of the cache begins in some room, which has LINE floats more than are needed. */
INLINE float *at_line(float *room)
{
    return room + (LINE - (uintptr_t)room / sizeof *room % LINE);
}

/* Floats from row to row, of which at least `count` are used: rows a power of two apart would drive each other out of the
 * cache. */
INLINE int64_t stride_for(int64_t count)
{
    return count / (2 * LINE) * (2 * LINE) + 3 * LINE;
}

#endif
