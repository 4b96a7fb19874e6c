// A model: its shape, its weights (all of them the caller's memory, mapped or not), and the kernels that run it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"

// What stands on the encoder: nothing; a layer for each row; two for each row; the masked-LM head.
enum class Head : int32_t { none, labels, pooled, masked_lm };

// As engine/native.py fills it. `outputs` are the columns of the result.
struct Shape {
    int32_t dim, hidden_dim, heads, layers, vocabulary, positions, outputs;
    Activation activation;
    Head head;
    int32_t word_bits;  // of the word embeddings, 4 or 8
    int32_t smoothed;        // whether qkv and widen, where they are in int8, have vectors for smoothing
};

// A layer of the encoder, in int8 or in float32.
struct Matrix {
    Linear int8;
    Dense floats;            // its weights are null where the layer is in int8
    const float* smoothing;  // [in], which the input is multiplied by before it is quantised; null for none
    int in, out;
};

struct Layer {
    Matrix qkv;  // queries, keys, values: 3 · D columns, each third padded
    Matrix attention_out;
    Norm attention_norm;
    Matrix widen, narrow;  // the feed-forward block
    Norm output_norm;
};

// One of the weights that a model is opened with.
struct Weight {
    const void* at;
    uint64_t bytes;
};

struct Model {
    // Takes the weights in the order of engine/native_weights.py. Throws std::invalid_argument where a size is wrong.
    Model(const Kernels& kernels, const Shape& shape, const Weight* weights, size_t count);

    int width() const { return padded(shape.dim); }
    int head_width() const { return shape.dim / shape.heads; }
    int64_t products() const { return (int64_t)shape.layers * shape.dim * (4 * shape.dim + 2 * shape.hidden_dim); }  // a token

    const Kernels& kernels;
    const Shape shape;
    Table words, positions;
    Norm embedding_norm;
    std::vector<Layer> layers;
    Dense first, second;  // of Head::labels the first alone
    Linear transform, projector;
    Norm transform_norm;
};
