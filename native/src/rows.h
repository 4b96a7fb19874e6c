// What happens to one row of D numbers: embedding, LayerNorm, quantisation (around kZero, the product's own).
#pragma once

#include "kernels.h"
#include "simd.h"

namespace TARGET {

static void embed(const int8_t* word, float word_scale, const int8_t* position, float position_scale, int width,
                  float* out) {
    for (int i = 0; i < width; i++) out[i] = word[i] * word_scale + position[i] * position_scale;
    for (int i = width; i < padded(width); i++) out[i] = 0;
}

static void norm(const float* x, const float* residual, Norm norm, int width, float* out) {
    const int in = padded(width);
    F total = F{};
    for (int i = 0; i < in; i += W) {
        const F y = residual ? load(x + i) + load(residual + i) : load(x + i);
        total += y;  // of the padding: zeros
        store(out + i, y);
    }
    const F mean = all(sum(total) / (float)width);
    F squares = F{};
    for (int i = 0; i < in; i += W) {
        const F y = first_lanes(width - i) ? load(out + i) - mean : F{};
        squares = fma(y, y, squares);
    }
    const F inverse = all(1.f / __builtin_sqrtf(sum(squares) / (float)width + 1e-12f));
    for (int i = 0; i < in; i += W)  // gain and bias of the padding are zeros
        store(out + i, fma((load(out + i) - mean) * inverse, load(norm.gain + i), load(norm.bias + i)));
}

// The largest number is found among bit patterns: a NaN's is larger than all, so that it spoils its row as it should.
static float quantize(const float* x, int in, uint8_t* out) {
    I most = {};
    for (int i = 0; i < in; i += W) most = max(most, bits(abs(load(x + i))));
    int32_t pattern = 0x3089705f;  // of 1e-9, for a row of zeros
    for (int i = 0; i < W; i++) pattern = most[i] > pattern ? most[i] : pattern;
    float top;
    memcpy(&top, &pattern, sizeof top);
    const F step = all(127.f / top);
    for (int i = 0; i < in; i += W) {
        const B bytes = __builtin_convertvector(nearest(load(x + i) * step) + kZero, B);
        memcpy(out + i, &bytes, sizeof bytes);
    }
    return top / 127.f;
}

}  // namespace TARGET
