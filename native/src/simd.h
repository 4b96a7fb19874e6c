// Vectors of W numbers, as wide as a target's registers. The compiler's own operators do most of the work; what
// they lack is here. Sums run in one order and nothing is contracted, so that a row's result depends on the row alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace TARGET {

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX2__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

typedef float F __attribute__((vector_size(4 * W)));
typedef int32_t I __attribute__((vector_size(4 * W)));
typedef uint8_t B __attribute__((vector_size(W)));

#define INLINE static inline __attribute__((always_inline))

INLINE F load(const float* from) {
    F x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE I load(const int32_t* from) {
    I x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE void store(float* to, F x) { memcpy(to, &x, sizeof x); }

INLINE F all(float x) { return x - F{}; }  // a plain broadcast: + would have to make 0 of -0

// a · b + c, rounded once where the target has an instruction for it.
INLINE F fma(F a, F b, F c) {
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
    return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
}

// Where a is NaN it stays.
INLINE F max(F a, F b) { return a < b ? b : a; }
INLINE F min(F a, F b) { return a > b ? b : a; }
INLINE I max(I a, I b) { return a > b ? a : b; }
INLINE I bits(F x) { return (I)x; }
INLINE F abs(F x) { return (F)(bits(x) & 0x7fffffff); }
INLINE F to_float(I x) { return __builtin_convertvector(x, F); }

// The nearest integers, ties to even, of numbers below 2^22: what is added leaves no bits for fractions.
INLINE I nearest(F x) { return bits(x + 12582912.f) - 0x4b400000; }

// Of numbers from 0 to 255.
INLINE B to_bytes(I x) {
#if defined(__AVX2__) && !defined(__AVX512F__)  // by hand: GCC 12 takes three times as long for its own
    const __m256i i = (__m256i)x;
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
    const int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
    B y;
    memcpy(&y, &bytes, sizeof y);
    return y;
#else
    return __builtin_convertvector(x, B);
#endif
}

// -1 in the lanes before `count`, 0 in the others.
INLINE I first_lanes(int count) {
    I lane;
    for (int i = 0; i < W; i++) lane[i] = i;
    return lane < count;
}

// The four numbers that halving leaves, each of its lanes joined in one order.
typedef float Four __attribute__((vector_size(16)));

template <typename Join>
INLINE Four halved(F x, Join join) {
    Four parts[W / 4];
    memcpy(parts, &x, sizeof x);
    for (int half = W / 8; half; half /= 2)
        for (int i = 0; i < half; i++) parts[i] = join(parts[i], parts[i + half]);
    return parts[0];
}

INLINE float sum(F x) {
    const Four four = halved(x, [](Four a, Four b) { return a + b; });
    return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE float largest(F x) {
    const Four four = halved(x, [](Four a, Four b) { return a > b ? a : b; });
    const float a = four[0] > four[2] ? four[0] : four[2], b = four[1] > four[3] ? four[1] : four[3];
    return a > b ? a : b;
}

}  // namespace TARGET
