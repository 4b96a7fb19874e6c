// The products of attention in float32.
#pragma once

#include "matmul.h"

namespace TARGET {

constexpr int kQueries = kRows, kDepths = kPanel;

// Keys by columns, [blocks][width][kKeys].
INLINE void place_keys(const float* k, size_t stride, int keys, int width, float* to) {
    for (int key = 0; key < keys; key++)
        for (int i = 0; i < width; i++)
            to[(size_t)(key / kKeys * padded(width) + i) * kKeys + key % kKeys] = k[key * stride + i];
}

// Rows of `count` numbers, times `scale`: [rows][padded(count)].
INLINE void place_rows(const float* from, size_t stride, int rows, int count, float scale, float* to) {
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < count; i++) to[(size_t)r * padded(count) + i] = from[r * stride + i] * scale;
}

INLINE void place_values(const float* v, size_t stride, int keys, int width, float* to) {
    place_rows(v, stride, keys, width, 1, to);
}

// out [kQueries][C · W] = a [kQueries][k] · b [k][C · W]
template <int C>
INLINE void multiply_to(const float* a, size_t a_stride, const float* b, size_t b_stride, int k, float* out,
                        size_t stride) {
    F total[kQueries][C] = {};
    multiply(a, a_stride, b, b_stride, k, total);
    for (int r = 0; r < kQueries; r++)
        for (int c = 0; c < C; c++) store(out + r * stride + c * W, total[r][c]);
}

// scores [kQueries][apart] = queries · keys
INLINE void score(const float* queries, const float* k, int keys, int width, float* scores, size_t apart) {
    for (int key = 0; key < keys; key += 2 * W) {
        const float* block = k + (size_t)(key / kKeys) * padded(width) * kKeys + key % kKeys;
        if (keys - key > W)
            multiply_to<2>(queries, padded(width), block, kKeys, width, scores + key, apart);
        else
            multiply_to<1>(queries, padded(width), block, kKeys, width, scores + key, apart);
    }
}

// context [kQueries][padded(width)] = weights [kQueries][apart] · values
INLINE void sum_values(const float* weights, size_t apart, const float* v, int keys, int width, float*,
                       float* context) {
    const int in = padded(width);
    int column = 0;
    for (; column + 2 * W <= in; column += 2 * W)
        multiply_to<2>(weights, apart, v + column, in, keys, context + column, in);
    for (; column < in; column += W) multiply_to<1>(weights, apart, v + column, in, keys, context + column, in);
}

}  // namespace TARGET
