// The products of attention in float32.
#pragma once

#include "matmul.h"

namespace TARGET {

constexpr int kQueries = kRows, kDepths = kPanel;

// Keys by columns, [width][kKeys].
INLINE void place_keys(const float* k, size_t stride, int keys, int width, float* to) {
    for (int key = 0; key < keys; key++)
        for (int i = 0; i < width; i++) to[(size_t)i * kKeys + key] = k[key * stride + i];
}

// Values by rows, [kKeys][padded(width)].
INLINE void place_values(const float* v, size_t stride, int keys, int width, float* to) {
    for (int key = 0; key < keys; key++) memcpy(to + (size_t)key * padded(width), v + key * stride, width * sizeof(float));
}

// Queries by rows, times `scale`, [kQueries][padded(width)].
INLINE void place_queries(const float* q, size_t stride, int queries, int width, float scale, float* to) {
    for (int r = 0; r < queries; r++)
        for (int i = 0; i < width; i++) to[r * padded(width) + i] = q[r * stride + i] * scale;
}

// scores [kQueries][kKeys] = queries · keys
INLINE void score(const float* queries, const float* k, int keys, int width, float* scores) {
    for (int column = 0; column < keys; column += kColumns) {
        F total[kQueries][2] = {};
        multiply(queries, padded(width), k + column, kKeys, width, total);
        for (int r = 0; r < kQueries; r++)
            for (int half = 0; half < 2; half++) store(scores + r * kKeys + column + half * W, total[r][half]);
    }
}

// context [kQueries][padded(width)] += weights [kQueries][kKeys] · values
INLINE void add_values(const float* weights, const float* v, int keys, int width, float* context) {
    const int in = padded(width);
    int column = 0;
    for (; column + kColumns <= in; column += kColumns) {
        F total[kQueries][2];
        for (int r = 0; r < kQueries; r++)
            for (int half = 0; half < 2; half++) total[r][half] = load(context + r * in + column + half * W);
        multiply(weights, kKeys, v + column, in, keys, total);
        for (int r = 0; r < kQueries; r++)
            for (int half = 0; half < 2; half++) store(context + r * in + column + half * W, total[r][half]);
    }
    for (; column < in; column += W)  // half a tile
        for (int r = 0; r < kQueries; r++) {
            F total = load(context + r * in + column);
            for (int i = 0; i < keys; i++) total = fma(all(weights[r * kKeys + i]), load(v + i * in + column), total);
            store(context + r * in + column, total);
        }
}

}  // namespace TARGET
