// What a target offers: the same functions for every processor, each compiled with its instructions (target.cpp).
//
// Shapes: N tokens, D width, H heads, T tokens of a text, V vocabulary. Rows of numbers are padded with zeros to a
// multiple of 16, columns of weights too, so that no kernel has tails; `in` and `out` are padded sizes.
#pragma once

#include <cstddef>
#include <cstdint>

constexpr int kPanel = 16;     // columns of weights that lie together
constexpr int kPiece = 64;     // inputs of a row that lie together
constexpr int kKeys = 64;      // keys of attention that lie together
constexpr int kMostQueries = 16;  // queries that it takes at a time, at most
constexpr int kMostPanels = 4;    // of the largest tile of a product

constexpr int padded(int size, int to = kPanel) { return (size + to - 1) / to * to; }

// The order is that of engine/native.py.
enum class Activation : int32_t { gelu, gelu_tanh, quick_gelu, relu, silu, mish, tanh, linear };

// Embeddings, each row with its scale: int8, or in 4 bits column j in the lower half of byte j and column j + half the
// width in its upper half, each plus 8.
struct Table {
    const uint8_t* rows;
    const float* scales;
    int bits;
};

// An int8 layer. Its weights lie as [out / 16][in / group][16][group], `group` being the target's.
struct Linear {
    const int8_t* weights;
    const float* scale;   // [out]
    const float* bias;    // [out]
    const int32_t* sums;  // [out], each column's sum of weights
    int in, out;
};

// A float32 layer: weights [out / 16][in][16].
struct Dense {
    const float* weights;
    const float* bias;  // [out]
    int in, out;
};

struct Norm {
    const float* gain;  // [D]
    const float* bias;  // [D]
};

// Where the rows of a product go: float32, `stride` apart. Columns from `columns` on are not written.
struct Rows {
    float* at;
    size_t stride;
    int columns;

    Rows from(size_t row) const { return {at + row * stride, stride, columns}; }
};

// Floats of scratch that `attend` takes: keys and values; queries and their contexts; scores, twice.
constexpr size_t attention_scratch(int keys, int head_width) {
    const size_t width = padded(head_width, 32), most = padded(keys, kKeys);
    return 2 * (most * width + kMostQueries * width + kMostQueries * (most + kPanel));
}

struct Kernels {
    const char* name;
    int group;  // inputs of a column that lie together
    int bits;   // that weights may have without overflow, sign included
    int tile;   // rows of a product's tile
    int chunk;  // rows that a thread takes at a time: what lies between two layers stays in its cache

    // A word's and a position's embedding of `width` numbers, added: out [padded(width)], whose end is zero.
    void (*embed)(const Table& words, size_t word, const Table& positions, size_t position, int width, float* out);
    // LayerNorm of x + residual (which may be null) over `width` numbers; out may be x or residual.
    void (*norm)(const float* x, const float* residual, Norm norm, int width, float* out);
    // x [in], times `smoothing` [in] unless that is null, as 8-bit numbers around the target's zero: row `row` of `a`, in
    // which rows have padded(in, kPiece) bytes and number a multiple of `tile`. Returns its scale.
    float (*quantize)(const float* x, const float* smoothing, int in, uint8_t* a, int row);
    // out = activation(a · weights + bias) for rows of `a` with their scales, and the panels from `begin` to `end`.
    void (*linear)(const uint8_t* a, const float* scales, int rows, const Linear& layer, int begin, int end,
                   Activation activation, Rows out);
    // The same in float32, `stride` being that of x.
    void (*dense)(const float* x, size_t stride, int rows, const Dense& layer, int begin, int end,
                  Activation activation, Rows out);
    // One head of one text: each row of q, `head_width` numbers, becomes its context. Strides are between tokens.
    void (*attend)(float* q, size_t q_stride, int queries, const float* k, const float* v, size_t stride, int keys,
                   int head_width, float* scratch);

    // For tests: the integers of `linear`, int32 [rows][out], of a in int8 [rows][in]; and an activation, in place.
    void (*product)(const int8_t* a, int rows, const Linear& layer, int32_t* out);
    void (*activate)(Activation activation, float* x, int count);
};

// The targets that this processor runs, fastest first; `count` of them.
const Kernels* const* kernels(int* count);
