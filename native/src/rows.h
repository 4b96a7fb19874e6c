// What happens to one row of D numbers: embedding, LayerNorm, quantisation (around kZero, the product's own).
#pragma once

#include "kernels.h"
#include "simd.h"

namespace TARGET {

INLINE void add_row(const Table& table, size_t row, int width, float* out) {
    const float scale = table.scales[row];
    if (table.bits == 8) {
        const int8_t* numbers = (const int8_t*)table.rows + row * width;
        for (int i = 0; i < width; i++) out[i] += numbers[i] * scale;
        return;
    }
    const int half = (width + 1) / 2;
    const uint8_t* pairs = table.rows + row * half;
    for (int i = 0; i < half; i++) out[i] += ((pairs[i] & 15) - 8) * scale;
    for (int i = half; i < width; i++) out[i] += ((pairs[i - half] >> 4) - 8) * scale;
}

static void embed(const Table& words, size_t word, const Table& positions, size_t position, int width, float* out) {
    for (int i = 0; i < padded(width); i++) out[i] = 0;
    add_row(words, word, width, out);
    add_row(positions, position, width, out);
}

// The sum of a row's numbers as `at` gives them, from 0 on to `in`. Four sums run beside one another.
template <typename At>
INLINE float sum_of(int in, const At& at) {
    F totals[4] = {};
    for (int i = 0; i < in; i += 4 * W)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            if (i + j * W < in) totals[j] += at(i + j * W);
    return sum((totals[0] + totals[1]) + (totals[2] + totals[3]));
}

static void norm(const float* x, const float* residual, Norm norm, int width, float* out) {
    const int in = padded(width);
    const F mean = all(sum_of(in, [&](int i) {  // of the padding: zeros
        const F y = residual ? load(x + i) + load(residual + i) : load(x + i);
        store(out + i, y);
        return y;
    }) / (float)width);
    const float squares = sum_of(in, [&](int i) {
        const F y = load(out + i) - mean;
        const F used = i + W > width ? (F)(first_lanes(width - i) & (I)y) : y;
        return used * used;
    });
    const F inverse = all(1.f / __builtin_sqrtf(squares / (float)width + 1e-12f));
    for (int i = 0; i < in; i += W)  // gain and bias of the padding are zeros
        store(out + i, fma((load(out + i) - mean) * inverse, load(norm.gain + i), load(norm.bias + i)));
}

// Where input `i` of a row lies: pieces of kTogether rows follow one another, as a tile reads them.
INLINE size_t place(int row, int in, int i) {
    const int within = row % kTogether;
    return (size_t)(row - within) * padded(in, kPiece) + (size_t)(i / kPiece * kTogether + within) * kPiece + i % kPiece;
}

// The largest number is found among bit patterns: a NaN's is larger than all, so that it spoils its row as it should.
template <bool S>
INLINE float quantize_row(const float* x, const float* smoothing, int in, uint8_t* a, int row) {
    const auto at = [&](int i) { return S ? load(x + i) * load(smoothing + i) : load(x + i); };
    I most = {};
    for (int i = 0; i < in; i += W) most = max(most, bits(abs(at(i))));
    int32_t pattern = 0x3089705f;  // of 1e-9, for a row of zeros
    for (int i = 0; i < W; i++) pattern = most[i] > pattern ? most[i] : pattern;
    float top;
    memcpy(&top, &pattern, sizeof top);
    const F step = all(127.f / top);
    for (int i = 0; i < padded(in, kPiece); i += W) {
        const B bytes = i < in ? to_bytes(nearest(at(i) * step) + kZero) : B{};
        memcpy(a + place(row, in, i), &bytes, sizeof bytes);
    }
    return top / 127.f;
}

static float quantize(const float* x, const float* smoothing, int in, uint8_t* a, int row) {
    return smoothing ? quantize_row<true>(x, smoothing, in, a, row) : quantize_row<false>(x, smoothing, in, a, row);
}

}  // namespace TARGET
