// Products of float32 matrices: the tile that attention and the classifiers are made of.
#pragma once

#include "functions.h"

namespace TARGET {

constexpr int kColumns = 2 * W;  // of a tile
static_assert(kKeys % kColumns == 0 && kBlock % kColumns == 0);

// total [R][2W] += a [R][k] · b [k][2W]. Each number is summed in the order of k, whatever R is.
template <int R>
INLINE void multiply(const float* a, size_t a_stride, const float* b, size_t b_stride, int k, F (&total)[R][2]) {
    for (int i = 0; i < k; i++) {
        const F left = load(b + i * b_stride), right = load(b + i * b_stride + W);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const F x = all(a[r * a_stride + i]);
            total[r][0] = fma(x, left, total[r][0]);
            total[r][1] = fma(x, right, total[r][1]);
        }
    }
}

// `count` of the vector's numbers.
INLINE void store_first(float* to, F x, int count) {
    if (count >= W) return store(to, x);
    for (int i = 0; i < count; i++) to[i] = x[i];
}

template <int R>
INLINE void dense_rows(const float* x, size_t stride, const Dense& layer, int begin, int end, bool relu, Rows out) {
    for (int column = begin; column < end; column += kColumns) {
        F total[R][2] = {};
        multiply<R>(x, stride, layer.weights + column, layer.out, layer.in, total);
        for (int r = 0; r < R; r++)
            for (int half = 0; half < 2; half++) {
                const int at = column + half * W;
                const F y = total[r][half] + load(layer.bias + at);
                store_first(out.at + r * out.stride + at, relu ? max(y, F{}) : y, out.columns - at);
            }
    }
}

static void dense(const float* x, size_t stride, int rows, const Dense& layer, int begin, int end, bool relu, Rows out) {
    begin *= kBlock, end *= kBlock;
    int row = 0;
    for (; row + kQueries <= rows; row += kQueries)
        dense_rows<kQueries>(x + row * stride, stride, layer, begin, end, relu, out.from(row));
    for (; row < rows; row++) dense_rows<1>(x + row * stride, stride, layer, begin, end, relu, out.from(row));
}

}  // namespace TARGET
