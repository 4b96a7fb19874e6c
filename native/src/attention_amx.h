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

// Keys by columns: [blocks][2][depth / 2][kKeys] words, each of two numbers of a key.
INLINE void place_keys(const float* k, size_t stride, int keys, int width, float* to) {
    const int words = padded(width, kDepths) / 2;
    for (int key = 0; key < keys; key += W)
        for (int i = 0; i < width; i += kDepths) {
            __m512i high[W], low[W];
            for (int r = 0; r < W; r++) {
                const Split parts = key + r < keys ? load_split(k + (key + r) * stride + i, width - i, 1) : Split{};
                high[r] = parts.high, low[r] = parts.low;
            }
            transpose(high);
            transpose(low);
            float* place = to + (size_t)(key / kKeys * 2 * words + i / 2) * kKeys + key % kKeys;
            for (int word = 0; word < W; word++) {
                _mm512_store_si512(place + word * kKeys, high[word]);
                _mm512_store_si512(place + (words + word) * kKeys, low[word]);
            }
        }
}

// Values by rows: [2][padded(keys, kDepths) / 2][padded(width)] words, each of a number of two keys.
INLINE void place_values(const float* v, size_t stride, int keys, int width, float* to) {
    const int in = padded(width), pairs = padded(keys, kDepths) / 2;
    alignas(64) uint16_t turns[2 * W];
    for (int i = 0; i < 2 * W; i++) turns[i] = i / 2 + i % 2 * W;
    const __m512i in_pairs = _mm512_load_si512(turns);
    for (int pair = 0; pair < pairs; pair++)
        for (int i = 0; i < width; i += W) {
            const float* row = v + 2 * pair * stride + i;
            const Split parts = split(load_first(row, 2 * pair < keys ? width - i : 0),
                                      load_first(row + stride, 2 * pair + 1 < keys ? width - i : 0));
            float* place = to + (size_t)pair * in + i;
            _mm512_store_si512(place, _mm512_permutexvar_epi16(in_pairs, parts.high));
            _mm512_store_si512(place + (size_t)pairs * in, _mm512_permutexvar_epi16(in_pairs, parts.low));
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

// Numbers in two parts, whose rows are `stride` bytes apart.
struct Parts {
    const char *high, *low;
    size_t stride;

    Parts(const float* from, int rows, int words)
        : high((const char*)from), low((const char*)(from + rows * words)), stride(words * sizeof(float)) {}
};

template <int C, int I = 0>
INLINE void clear_columns() {
    clear_tile<I>();
    if constexpr (I + 1 < C) clear_columns<C, I + 1>();
}

// C tiles of sums, 16 columns each, += the rows in tile ROWS · weights.
template <int C, int ROWS, int I = 0>
INLINE void add_columns(const char* weights, size_t stride) {
    read_tile<6 + I % 2>(weights + I * 64, stride);
    add_floats<I, ROWS, 6 + I % 2>();
    if constexpr (I + 1 < C) add_columns<C, ROWS, I + 1>(weights, stride);
}

template <int C, int I = 0>
INLINE void write_columns(float* out, size_t stride) {
    write_tile<I>(out + I * kTile, stride);
    if constexpr (I + 1 < C) write_columns<C, I + 1>(out, stride);
}

// out [16][16 · C] = rows [16][32 · steps] · weights [16 · steps][16 · C] words, from `column` on. A sum waits for its
// last product, so the tiles take turns.
template <int C>
INLINE void multiply_columns(const Parts& rows, const Parts& weights, int steps, int column, float* out,
                             size_t out_stride) {
    const size_t stride = weights.stride;
    clear_columns<C>();
    for (int step = 0; step < steps; step++) {
        const size_t place = step * 16 * stride + column * sizeof(float);
        read_tile<4>(rows.high + step * 64, rows.stride);
        read_tile<5>(rows.low + step * 64, rows.stride);
        add_columns<C, 4>(weights.high + place, stride);
        add_columns<C, 4>(weights.low + place, stride);
        add_columns<C, 5>(weights.high + place, stride);
    }
    write_columns<C>(out + column, out_stride * sizeof(float));
}

// out [16][out_stride] = rows · weights, of so many columns.
INLINE void multiply_split(const Parts& rows, const Parts& weights, int steps, int columns, float* out,
                           size_t out_stride) {
    for (int column = 0; column < columns; column += 64) switch (columns - column) {
            case 16: multiply_columns<1>(rows, weights, steps, column, out, out_stride); break;
            case 32: multiply_columns<2>(rows, weights, steps, column, out, out_stride); break;
            case 48: multiply_columns<3>(rows, weights, steps, column, out, out_stride); break;
            default: multiply_columns<4>(rows, weights, steps, column, out, out_stride);
        }
}

// scores [kQueries][apart] = queries · keys
INLINE void score(const float* queries, const float* k, int keys, int width, float* scores, size_t apart) {
    const int words = padded(width, kDepths) / 2;
    for (int key = 0; key < keys; key += kKeys) {
        const int count = keys - key < kKeys ? keys - key : kKeys;
        multiply_split(Parts(queries, kQueries, words), Parts(k + (size_t)key * 2 * words, words, kKeys), words / 16,
                       padded(count), scores + key, apart);
    }
}

// context [kQueries][padded(width)] = weights [kQueries][apart] · values; `parts` is for the weights in two parts.
INLINE void sum_values(const float* weights, size_t apart, const float* v, int keys, int width, float* parts,
                       float* context) {
    const int words = padded(keys, kDepths) / 2, in = padded(width);
    place_rows(weights, apart, kQueries, keys, 1, parts);
    multiply_split(Parts(parts, kQueries, words), Parts(v, words, in), words / 16, in, context, in);
}

}  // namespace TARGET
