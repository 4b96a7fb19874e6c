// Products of float32 matrices: the tile that attention and the classifiers are made of.
#pragma once

#include "functions.h"

namespace TARGET {

constexpr int kRows = 6;  // of a tile
constexpr int kColumns = 2 * W;  // and its columns
constexpr int kVectors = kPanel / W;  // of a panel of weights
static_assert(kKeys % kColumns == 0 && kPanel % W == 0);

// total [R][C·W] += a [R][k] · b [k][C·W]. Each number is summed in the order of k, whatever R is.
template <int R, int C>
INLINE void multiply(const float* a, size_t a_stride, const float* b, size_t b_stride, int k, F (&total)[R][C]) {
    for (int i = 0; i < k; i++) {
        F row[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) row[c] = load(b + i * b_stride + c * W);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const F x = all(a[r * a_stride + i]);
#pragma GCC unroll 4
            for (int c = 0; c < C; c++) total[r][c] = fma(x, row[c], total[r][c]);
        }
    }
}

// `count` of the vector's numbers.
INLINE void store_first(float* to, F x, int count) {
    if (count >= W) return store(to, x);
    const F copy = x;  // so that x may stay in its register above
    for (int i = 0; i < count; i++) memcpy(to + i, (const float*)&copy + i, sizeof *to);
}

template <Activation A, int R>
INLINE void dense_rows(const float* x, size_t stride, const Dense& layer, int column, Rows out) {
    F total[R][kVectors] = {};
    multiply(x, stride, layer.weights + (size_t)column * layer.in, kPanel, layer.in, total);
    for (int r = 0; r < R; r++)
        for (int c = 0; c < kVectors; c++) {
            const int at = column + c * W;
            store_first(out.at + r * out.stride + at, activate<A>(total[r][c] + load(layer.bias + at)), out.columns - at);
        }
}

static void dense(const float* x, size_t stride, int rows, const Dense& layer, int begin, int end,
                  Activation activation, Rows out) {
    with_activation(activation, [&](auto chosen) {
        constexpr Activation A = decltype(chosen)::value;
        for (int column = begin * kPanel; column < end * kPanel; column += kPanel) {
            int row = 0;
            for (; row + kRows <= rows; row += kRows)
                dense_rows<A, kRows>(x + row * stride, stride, layer, column, out.from(row));
            for (; row < rows; row++) dense_rows<A, 1>(x + row * stride, stride, layer, column, out.from(row));
        }
    });
}

}  // namespace TARGET
