#include "model.h"

#include <stdexcept>

namespace {

// The weights one after the other, each checked against the size that the shape asks for.
class Reader {
public:
    Reader(const Weight* weights, size_t count) : weights_(weights), end_(weights + count) {}

    // Whether the next weight has this size.
    bool is_next(size_t bytes) const { return weights_ != end_ && weights_->bytes == bytes; }

    template <typename T>
    const T* take(size_t count) {
        if (weights_ == end_ || weights_->bytes != count * sizeof(T) || !weights_->at ||
            (uintptr_t)weights_->at % alignof(T))
            throw std::invalid_argument("a weight is missing, or of another size");
        return static_cast<const T*>((weights_++)->at);
    }

    Table table(size_t rows, size_t width, int bits) {
        const uint8_t* numbers = take<uint8_t>(rows * (bits == 4 ? (width + 1) / 2 : width));
        return {numbers, take<float>(rows), bits};
    }

    Norm norm(int width) {
        const float* gain = take<float>(width);
        return {gain, take<float>(width)};
    }

    Linear linear(int in, int out) {
        Linear layer{};
        layer.in = in, layer.out = out;
        layer.weights = take<int8_t>((size_t)in * out);
        layer.scale = take<float>(out);
        layer.bias = take<float>(out);
        layer.sums = take<int32_t>(out);
        return layer;
    }

    // In float32 its weights have four times the size.
    Matrix matrix(int in, int out, bool smoothed) {
        Matrix matrix{};
        matrix.in = in, matrix.out = out;
        if (is_next((size_t)in * out * sizeof(float))) {
            matrix.floats = dense(in, out);
        } else {
            matrix.int8 = linear(in, out);
            if (smoothed) matrix.smoothing = take<float>(in);
        }
        return matrix;
    }

    Dense dense(int in, int columns) {
        const int out = padded(columns);
        const float* weights = take<float>((size_t)in * out);
        return {weights, take<float>(out), in, out};
    }

    void end() const {
        if (weights_ != end_) throw std::invalid_argument("there are more weights than the model has");
    }

private:
    const Weight* weights_;
    const Weight* const end_;
};

void check(const Shape& shape) {
    constexpr int32_t most = 1 << 24;
    for (int32_t size : {shape.dim, shape.hidden_dim, shape.heads, shape.layers, shape.vocabulary, shape.positions,
                         shape.outputs})
        if (size < 1 || size > most) throw std::invalid_argument("a size of the model is out of bounds");
    if (shape.dim % shape.heads) throw std::invalid_argument("the width is no multiple of the heads");
    if (shape.activation < Activation::gelu || shape.activation > Activation::linear || shape.head < Head::none ||
        shape.head > Head::masked_lm)
        throw std::invalid_argument("the activation or head is unknown");
    if ((shape.word_bits != 4 && shape.word_bits != 8) || (shape.smoothed != 0 && shape.smoothed != 1))
        throw std::invalid_argument("the scheme is unknown");
    if ((shape.head == Head::none && shape.outputs != shape.dim) ||
        (shape.head == Head::masked_lm && shape.outputs != shape.vocabulary))
        throw std::invalid_argument("the head has another width");
}

}  // namespace

Model::Model(const Kernels& kernels, const Shape& shape, const Weight* weights, size_t count)
    : kernels(kernels), shape(shape) {
    check(shape);
    Reader reader(weights, count);
    const int d = width(), f = padded(shape.hidden_dim);
    words = reader.table(shape.vocabulary, shape.dim, shape.word_bits);
    positions = reader.table(shape.positions, shape.dim, 8);
    embedding_norm = reader.norm(d);
    for (int i = 0; i < shape.layers; i++) {
        Layer layer{};
        layer.qkv = reader.matrix(d, 3 * d, shape.smoothed);
        layer.attention_out = reader.matrix(d, d, false);
        layer.attention_norm = reader.norm(d);
        layer.widen = reader.matrix(d, f, shape.smoothed);
        layer.narrow = reader.matrix(f, d, false);
        layer.output_norm = reader.norm(d);
        layers.push_back(layer);
    }
    if (shape.head == Head::labels) first = reader.dense(d, shape.outputs);
    if (shape.head == Head::pooled) {
        first = reader.dense(d, shape.dim);
        second = reader.dense(d, shape.outputs);
    }
    if (shape.head == Head::masked_lm) {
        transform = reader.linear(d, d);
        transform_norm = reader.norm(d);
        projector = reader.linear(d, padded(shape.vocabulary));
    }
    reader.end();
}
