// Attention of one head within one text, in blocks of queries and keys, with the softmax kept up to date from block to
// block (Milakov and Gimelshein, arXiv 1805.02867), so that memory does not grow with the square of the text.
#pragma once

#include "matmul.h"

namespace TARGET {

// Keys by columns, values by rows, in blocks of kKeys tokens, padded with zeros.
INLINE void gather(const float* from, size_t stride, int keys, int width, bool turned, float* to) {
    const int in = padded(width);
    const size_t block = (size_t)kKeys * in;
    memset(to, 0, (keys + kKeys - 1) / kKeys * block * sizeof(float));
    for (int key = 0; key < keys; key++) {
        const float* row = from + key * stride;
        float* place = to + key / kKeys * block;
        const int within = key % kKeys;
        if (turned)
            for (int i = 0; i < width; i++) place[(size_t)i * kKeys + within] = row[i];
        else
            memcpy(place + (size_t)within * in, row, width * sizeof(float));
    }
}

// What kQueries queries have seen so far: the largest score of each, its sum of weights, and its weighted values.
struct Seen {
    float most[kQueries], total[kQueries];
    float* context;  // [kQueries][padded(head_width)]
};

// The queries' rows [kQueries][in], scaled, over one block of `keys` keys; scores [kQueries][kKeys] is scratch.
INLINE void attend_block(const float* queries, const float* k, const float* v, int keys, int width, float* scores,
                         Seen& seen) {
    const int in = padded(width);
    for (int column = 0; column < keys; column += kColumns) {
        F total[kQueries][2] = {};
        multiply(queries, in, k + column, kKeys, width, total);
        for (int r = 0; r < kQueries; r++)
            for (int half = 0; half < 2; half++) {
                const int at = column + half * W;
                store(scores + r * kKeys + at, first_lanes(keys - at) ? total[r][half] : all(-__builtin_inff()));
            }
    }
    for (int r = 0; r < kQueries; r++) {
        float* row = scores + r * kKeys;
        F top = all(seen.most[r]);
        for (int i = 0; i < keys; i += W) top = max(load(row + i), top);
        const F most = all(largest(top));
        F total = F{};
        for (int i = 0; i < keys; i += W) {
            const F weight = exp(load(row + i) - most);
            total += weight;
            store(row + i, weight);
        }
        const F faded = exp(all(seen.most[r]) - most);
        seen.total[r] = seen.total[r] * faded[0] + sum(total);
        seen.most[r] = most[0];
        for (int i = 0; i < in; i += W) store(seen.context + r * in + i, load(seen.context + r * in + i) * faded);
    }
    int column = 0;
    for (; column + kColumns <= in; column += kColumns) {
        F total[kQueries][2];
        for (int r = 0; r < kQueries; r++)
            for (int half = 0; half < 2; half++) total[r][half] = load(seen.context + r * in + column + half * W);
        multiply(scores, kKeys, v + column, in, keys, total);
        for (int r = 0; r < kQueries; r++)
            for (int half = 0; half < 2; half++) store(seen.context + r * in + column + half * W, total[r][half]);
    }
    for (; column < in; column += W)  // half a tile
        for (int r = 0; r < kQueries; r++) {
            F total = load(seen.context + r * in + column);
            for (int i = 0; i < keys; i++) total = fma(all(scores[r * kKeys + i]), load(v + i * in + column), total);
            store(seen.context + r * in + column, total);
        }
}

static void attend(float* q, size_t q_stride, int queries, const float* k, const float* v, size_t stride, int keys,
                   int width, float* scratch) {
    const int in = padded(width);
    const size_t block = (size_t)kKeys * in, whole = (keys + kKeys - 1) / kKeys * block;
    float* k_blocks = scratch;
    float* v_blocks = k_blocks + whole;
    float* rows = v_blocks + whole;
    float* scores = rows + 2 * kQueries * in;
    const float scale = 1.f / __builtin_sqrtf((float)width);
    gather(k, stride, keys, width, true, k_blocks);
    gather(v, stride, keys, width, false, v_blocks);
    Seen seen;
    seen.context = rows + kQueries * in;
    for (int first = 0; first < queries; first += kQueries) {
        const int count = queries - first < kQueries ? queries - first : kQueries;
        memset(rows, 0, 2 * kQueries * in * sizeof(float));
        for (int r = 0; r < kQueries; r++) seen.most[r] = -1e30f, seen.total[r] = 0;
        for (int r = 0; r < count; r++)
            for (int i = 0; i < width; i++) rows[r * in + i] = q[(first + r) * q_stride + i] * scale;
        for (int key = 0; key < keys; key += kKeys)
            attend_block(rows, k_blocks + key / kKeys * block, v_blocks + key / kKeys * block,
                         keys - key < kKeys ? keys - key : kKeys, width, scores, seen);
        for (int r = 0; r < count; r++)
            for (int i = 0; i < width; i++) q[(first + r) * q_stride + i] = seen.context[r * in + i] / seen.total[r];
    }
}

}  // namespace TARGET
