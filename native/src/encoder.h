// A packed batch through a model.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model.h"
#include "pool.h"

// B texts, packed into N tokens, of which K are read. Checked by interface.cpp.
struct Batch {
    const int64_t* ids;  // [N]
    int tokens;
    const int64_t* lengths;  // [B]
    int texts;
    const int64_t* rows;  // [K], ascending; null for all
    int read;
    const int64_t* attended;  // [B]: a text's tokens attend to so many of its first ones; null for all
};

// Memory that is kept from run to run. It only grows.
template <typename T>
class Buffer {
public:
    T* reserve(size_t count) {
        if (count > count_) {
            at_.reset();
            at_.reset(new (std::align_val_t(64)) T[count]);
            count_ = count;
        }
        return at_.get();
    }
    T* get() const { return at_.get(); }

private:
    struct Delete {
        void operator()(T* at) const { operator delete[](at, std::align_val_t(64)); }
    };
    std::unique_ptr<T[], Delete> at_;
    size_t count_ = 0;
};

// What a team needs for its chunk of rows.
struct Scratch {
    Buffer<uint8_t> bytes;
    Buffer<float> scales, attended, wide, narrow;
};

struct Workspace {
    Buffer<float> states, qkv, read_states, queries, head, head_scales;
    Buffer<uint8_t> head_bytes;
    std::vector<Scratch> teams;
    std::vector<Buffer<float>> attention;  // of each thread
};

// The output's rows, float32 [K][outputs]. `pool` is null for one thread.
void encode(const Model& model, const Batch& batch, Workspace& workspace, Pool* pool, int threads, float* out);
