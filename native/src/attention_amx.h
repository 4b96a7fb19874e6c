// The products of attention by AMX. It multiplies bfloat16, which has 8 bits, so each float32 is split into two of them,
// and three products are summed (Henry, Tang and Heinecke, arXiv 1904.06376): what is left out is below 2^-16.
//
// Each block holds the higher parts of all its numbers, then the lower ones. Weights of a tile are pairs of rows, so keys
// and values are kept in words of two numbers.
#pragma once

#include "amx.h"
#include "kernels.h"

namespace TARGET {

constexpr int kQueries = kTile, kDepths = 32;  // a step of a product takes 32 numbers

// 32 numbers in two parts.
struct Split {
    __m512i high, low;
};

INLINE Split split(F first, F second) {
    typedef uint16_t Half __attribute__((vector_size(2 * W)));
    const __m512i high = (__m512i)_mm512_cvtne2ps_pbh(second, first);
    Half halves[2];
    memcpy(halves, &high, sizeof halves);
    first -= (F)(__builtin_convertvector(halves[0], I) << 16);
    second -= (F)(__builtin_convertvector(halves[1], I) << 16);
    return {high, (__m512i)_mm512_cvtne2ps_pbh(second, first)};
}

// Up to 16 numbers of which `count` are there; zeros for the others.
INLINE F load_first(const float* from, int count) {
    return _mm512_maskz_loadu_ps(count >= W ? 0xffff : count > 0 ? (1u << count) - 1 : 0, from);
}

INLINE Split load_split(const float* from, int count, float scale) {
    return split(load_first(from, count) * scale, load_first(from + W, count - W) * scale);
}

// 16 rows of 16 words become columns: at each distance, pairs of rows exchange what lies that far apart.
INLINE void transpose(__m512i (&rows)[W]) {
    for (int far = W / 2; far; far /= 2) {
        I upper, lower;
        for (int i = 0; i < W; i++) {
            upper[i] = i & far ? W + i - far : i;
            lower[i] = i & far ? W + i : i + far;
        }
        for (int i = 0; i < W; i++) {
            if (i & far) continue;
            const __m512i a = rows[i], b = rows[i + far];
            rows[i] = _mm512_permutex2var_epi32(a, (__m512i)upper, b);
            rows[i + far] = _mm512_permutex2var_epi32(a, (__m512i)lower, b);
        }
    }
}

// [2][depth / 2][kKeys] words, each of two numbers of a key.
INLINE void place_keys(const float* k, size_t stride, int keys, int width, float* to) {
    float* low_to = to + padded(width, kDepths) / 2 * kKeys;
    for (int key = 0; key < keys; key += W)
        for (int i = 0; i < width; i += kDepths) {
            __m512i high[W], low[W];
            for (int r = 0; r < W; r++) {
                const Split parts = key + r < keys ? load_split(k + (key + r) * stride + i, width - i, 1) : Split{};
                high[r] = parts.high, low[r] = parts.low;
            }
            transpose(high);
            transpose(low);
            for (int word = 0; word < W; word++) {
                _mm512_store_si512(to + (i / 2 + word) * kKeys + key, high[word]);
                _mm512_store_si512(low_to + (i / 2 + word) * kKeys + key, low[word]);
            }
        }
}

// [2][kKeys / 2][padded(width)] words, each of a number of two keys.
INLINE void place_values(const float* v, size_t stride, int keys, int width, float* to) {
    const int in = padded(width);
    alignas(64) uint16_t turns[2 * W];
    for (int i = 0; i < 2 * W; i++) turns[i] = i / 2 + i % 2 * W;
    const __m512i in_pairs = _mm512_load_si512(turns);
    for (int key = 0; key < keys; key += 2)
        for (int i = 0; i < width; i += W) {
            const float* row = v + key * stride + i;
            const Split parts = split(load_first(row, width - i), key + 1 < keys ? load_first(row + stride, width - i) : F{});
            float* place = to + key / 2 * in + i;
            _mm512_store_si512(place, _mm512_permutexvar_epi16(in_pairs, parts.high));
            _mm512_store_si512(place + kKeys / 2 * in, _mm512_permutexvar_epi16(in_pairs, parts.low));
        }
}

// Rows of `count` numbers, times `scale`: [2][16][padded(count, 32)] of bfloat16.
INLINE void place_rows(const float* from, size_t stride, int rows, int count, float scale, float* to) {
    const int words = padded(count, kDepths) / 2;
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < count; i += kDepths) {
            const Split parts = load_split(from + r * stride + i, count - i, scale);
            _mm512_store_si512(to + r * words + i / 2, parts.high);
            _mm512_store_si512(to + (kTile + r) * words + i / 2, parts.low);
        }
}

INLINE void place_queries(const float* q, size_t stride, int queries, int width, float scale, float* to) {
    place_rows(q, stride, queries, width, scale, to);
}

// Numbers in two parts, whose rows are `stride` bytes apart.
struct Parts {
    const char *high, *low;
    size_t stride;

    Parts(const float* from, int rows, int words)
        : high((const char*)from), low((const char*)(from + rows * words)), stride(words * sizeof(float)) {}
};

// For each of C tiles of sums, 16 columns each: from memory or 0, plus products of the rows in tile ROWS, and back.
template <int C, bool ADD, int I = 0>
INLINE void begin_columns(const float* out, size_t stride) {
    if constexpr (ADD) read_tile<I>(out + I * kTile, stride);
    if constexpr (!ADD) clear_tile<I>();
    if constexpr (I + 1 < C) begin_columns<C, ADD, I + 1>(out, stride);
}

template <int C, int ROWS, int I = 0>
INLINE void add_columns(const char* weights, size_t stride) {
    read_tile<6 + I % 2>(weights + I * 64, stride);
    add_floats<I, ROWS, 6 + I % 2>();
    if constexpr (I + 1 < C) add_columns<C, ROWS, I + 1>(weights, stride);
}

template <int C, int I = 0>
INLINE void end_columns(float* out, size_t stride) {
    write_tile<I>(out + I * kTile, stride);
    if constexpr (I + 1 < C) end_columns<C, I + 1>(out, stride);
}

// out [16][16 · C] = rows [16][32 · steps] · weights [16 · steps][16 · C] words, from `column` on; or it is added to. A
// sum waits for its last product, so the tiles take turns.
template <int C, bool ADD>
INLINE void multiply_columns(const Parts& rows, const Parts& weights, int steps, int column, float* out) {
    const size_t stride = weights.stride;
    begin_columns<C, ADD>(out + column, stride);
    for (int step = 0; step < steps; step++) {
        const size_t place = step * 16 * stride + column * sizeof(float);
        read_tile<4>(rows.high + step * 64, rows.stride);
        read_tile<5>(rows.low + step * 64, rows.stride);
        add_columns<C, 4>(weights.high + place, stride);
        add_columns<C, 4>(weights.low + place, stride);
        add_columns<C, 5>(weights.high + place, stride);
    }
    end_columns<C>(out + column, stride);
}

// out [16][columns] = rows · weights, or it is added to; `out` is as wide as `weights`.
template <bool ADD>
INLINE void multiply_split(const Parts& rows, const Parts& weights, int steps, int columns, float* out) {
    int column = 0;
    for (; column + 64 <= columns; column += 64) multiply_columns<4, ADD>(rows, weights, steps, column, out);
    for (; column + 32 <= columns; column += 32) multiply_columns<2, ADD>(rows, weights, steps, column, out);
    if (column < columns) multiply_columns<1, ADD>(rows, weights, steps, column, out);
}

// scores [kQueries][kKeys] = queries · keys
INLINE void score(const float* queries, const float* k, int keys, int width, float* scores) {
    const int words = padded(width, kDepths) / 2;
    multiply_split<false>(Parts(queries, kQueries, words), Parts(k, words, kKeys), words / 16, padded(keys, 32), scores);
}

// context [kQueries][padded(width)] += weights [kQueries][kKeys] · values
INLINE void add_values(const float* weights, const float* v, int keys, int width, float* context) {
    alignas(64) float rows[kQueries * kKeys];
    const int used = padded(keys, kDepths);
    place_rows(weights, kKeys, kQueries, used, 1, rows);
    multiply_split<true>(Parts(rows, kQueries, used / 2), Parts(v, kKeys / 2, padded(width)), used / kDepths,
                         padded(width), context);
}

}  // namespace TARGET
