// Attention of one head within one text, some queries at a time, so that memory does not grow with the text's square.
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

// e^(score - the largest) in place of a query's scores, which are in units of log 2; returns their sum.
INLINE float weigh(float* scores, int keys) {
    const int whole = keys / W * W;
    if (whole < keys) store(scores + whole, first_lanes(keys - whole) ? load(scores + whole) : all(-__builtin_inff()));
    F top = load(scores);
    for (int i = W; i < keys; i += W) top = max(load(scores + i), top);
    const F most = all(largest(top));
    F total = F{};
    for (int i = 0; i < keys; i += W) {
        const F weight = exp2(load(scores + i) - most);
        total += weight;
        store(scores + i, weight);
    }
    return sum(total);
}

// Rows that are read soon: those of the next head lie beside this one's.
INLINE void fetch(const float* rows, size_t stride, int count, int width) {
    for (int r = 0; r < count; r++)
        for (int i = 0; i < width; i += 16) __builtin_prefetch(rows + r * stride + i);
}

static void attend(float* q, size_t q_stride, int queries, const float* k, const float* v, size_t stride, int keys,
                   int width, float* scratch) {
    const int in = padded(width), depth = padded(width, kDepths);
    const size_t most = padded(keys, kKeys), apart = most + kPanel;  // rows of scores a power of two apart would share few lines of the cache
    float* k_placed = scratch;
    float* v_placed = k_placed + most * depth;
    float* q_placed = v_placed + most * in;
    float* context = q_placed + kQueries * depth;
    float* scores = context + kQueries * in;
    fetch(q + width, q_stride, queries, width);
    fetch(k + width, stride, keys, width);
    fetch(v + width, stride, keys, width);
    const Registers registers;
    place_keys(k, stride, keys, width, k_placed);
    place_values(v, stride, keys, width, v_placed);
    for (int first = 0; first < queries; first += kQueries) {
        const int count = queries - first < kQueries ? queries - first : kQueries;
        float* rows = q + first * q_stride;
        place_rows(rows, q_stride, count, width, 1.44269504f / __builtin_sqrtf((float)width), q_placed);
        score(q_placed, k_placed, keys, width, scores, apart);
        float inverse[kQueries];
        for (int r = 0; r < count; r++) inverse[r] = 1 / weigh(scores + r * apart, keys);
        sum_values(scores, apart, v_placed, keys, width, scores + kQueries * apart, context);
        for (int r = 0; r < count; r++)
            for (int i = 0; i < width; i++) rows[r * q_stride + i] = context[r * in + i] * inverse[r];
    }
}

}  // namespace TARGET
