// Attention of one head within one text, in blocks of queries and keys, with the softmax kept up to date from block to
// block (Milakov and Gimelshein, arXiv 1805.02867), so that memory does not grow with the square of the text.
#pragma once

#include "functions.h"
#include "registers.h"

#if defined(AMX)
#include "attention_amx.h"
#else
#include "attention_float.h"
#endif

namespace TARGET {

static_assert(kQueries <= kMostQueries);

// What a query has seen so far: its largest score and the sum of its weights. Its weighted values are summed beside it.
struct Seen {
    float most = -1e30f, total = 0;
};

// A query's scores of `keys` keys become their weights; returns by what factor those of the keys before them fade.
INLINE F weigh(float* scores, int keys, Seen& seen) {
    const int whole = keys / W * W;
    if (whole < keys) store(scores + whole, first_lanes(keys - whole) ? load(scores + whole) : all(-__builtin_inff()));
    F top = all(seen.most);
    for (int i = 0; i < keys; i += W) top = max(load(scores + i), top);
    const F most = all(largest(top));
    F total = F{};
    for (int i = 0; i < keys; i += W) {
        const F weight = exp(load(scores + i) - most);
        total += weight;
        store(scores + i, weight);
    }
    const F faded = most[0] == seen.most ? all(1) : exp(all(seen.most) - most);
    seen = {most[0], seen.total * faded[0] + sum(total)};
    return faded;
}

static void attend(float* q, size_t q_stride, int queries, const float* k, const float* v, size_t stride, int keys,
                   int width, float* scratch) {
    const int in = padded(width), depth = padded(width, kDepths), blocks = (keys + kKeys - 1) / kKeys;
    const size_t k_block = (size_t)kKeys * depth, v_block = (size_t)kKeys * in;
    float* k_blocks = scratch;
    float* v_blocks = k_blocks + blocks * k_block;
    float* rows = v_blocks + blocks * v_block;
    float* context = rows + kQueries * depth;
    float* scores = context + kQueries * in;
    const float scale = 1.f / __builtin_sqrtf((float)width);
    const Registers registers(kQueries);
    memset(scratch, 0, (rows - scratch) * sizeof(float));
    for (int block = 0; block < blocks; block++) {
        const int first = block * kKeys, count = keys - first < kKeys ? keys - first : kKeys;
        place_keys(k + first * stride, stride, count, width, k_blocks + block * k_block);
        place_values(v + first * stride, stride, count, width, v_blocks + block * v_block);
    }
    for (int first = 0; first < queries; first += kQueries) {
        const int count = queries - first < kQueries ? queries - first : kQueries;
        Seen seen[kQueries];
        memset(rows, 0, (scores - rows) * sizeof(float));
        place_queries(q + first * q_stride, q_stride, count, width, scale, rows);
        for (int block = 0; block < blocks; block++) {
            const int block_keys = keys - block * kKeys < kKeys ? keys - block * kKeys : kKeys;
            score(rows, k_blocks + block * k_block, block_keys, width, scores);
            for (int r = 0; r < count; r++) {
                const F faded = weigh(scores + r * kKeys, block_keys, seen[r]);
                if (faded[0] == 1) continue;
                for (int i = r * in; i < (r + 1) * in; i += W) store(context + i, load(context + i) * faded);
            }
            add_values(scores, v_blocks + block * v_block, block_keys, width, context);
        }
        for (int r = 0; r < count; r++)
            for (int i = 0; i < width; i++) q[(first + r) * q_stride + i] = context[r * in + i] / seen[r].total;
    }
}

}  // namespace TARGET
