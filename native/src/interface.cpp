#include "interface.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>

#include "encoder.h"

namespace {

constexpr uint64_t kMostTokens = 1 << 24;
constexpr int kMostThreads = 1024;

const Kernels* find(const char* name) {
    int count = 0;
    const Kernels* const* all = kernels(&count);
    for (int i = 0; i < count; i++)
        if (name && std::string(name) == all[i]->name) return all[i];
    return nullptr;
}

// Why a model of this shape cannot read the batch; kNone where it can.
Fault check(const Shape& shape, const Batch& batch) {
    int64_t total = 0;
    for (int text = 0; text < batch.texts; text++) {
        const int64_t length = batch.lengths[text];
        if (length < 1 || length > shape.positions || (total += length) > batch.tokens) return kLengths;
        if (batch.attended && (batch.attended[text] < 1 || batch.attended[text] > length)) return kAttended;
    }
    if (total != batch.tokens) return kLengths;
    for (int token = 0; token < batch.tokens; token++)
        if (batch.ids[token] < 0 || batch.ids[token] >= shape.vocabulary) return kIds;
    for (int row = 0; row < batch.read; row++)
        if (batch.rows[row] <= (row ? batch.rows[row - 1] : -1) || batch.rows[row] >= batch.tokens) return kRows;
    return kNone;
}

}  // namespace

struct Engine {
    Engine(const Kernels& kernels, const Shape& shape, const Weight* weights, size_t count, int threads)
        : model(kernels, shape, weights, count), threads(threads), pool(threads > 1 ? new Pool(threads) : nullptr) {}

    // Memory of an earlier run, or new.
    std::unique_ptr<Workspace> take() {
        std::lock_guard<std::mutex> lock(mutex);
        if (idle.empty()) return std::make_unique<Workspace>();
        auto workspace = std::move(idle.back());
        idle.pop_back();
        return workspace;
    }

    void give(std::unique_ptr<Workspace> workspace) {
        std::lock_guard<std::mutex> lock(mutex);
        idle.push_back(std::move(workspace));
    }

    const Model model;
    const int threads;
    const std::unique_ptr<Pool> pool;
    std::mutex mutex;
    std::vector<std::unique_ptr<Workspace>> idle;
};

int32_t distilbert_interface() { return kInterface; }

const char* distilbert_kernels(int32_t index, int32_t* group, int32_t* bits) {
    int count = 0;
    const Kernels* const* all = kernels(&count);
    if (index < 0 || index >= count) return nullptr;
    *group = all[index]->group;
    *bits = all[index]->bits;
    return all[index]->name;
}

Engine* distilbert_open(const char* name, const Shape* shape, const Weight* weights, uint64_t count, int32_t threads,
                        int32_t* fault) try {
    const Kernels* chosen = find(name);
    *fault = chosen ? kNone : kKernel;
    return chosen ? new Engine(*chosen, *shape, weights, count, std::clamp(threads, 1, kMostThreads)) : nullptr;
} catch (const std::invalid_argument&) {
    *fault = kWeights;
    return nullptr;
} catch (...) {
    *fault = kMemory;
    return nullptr;
}

int32_t distilbert_run(Engine* engine, const int64_t* ids, uint64_t tokens, const int64_t* lengths, uint64_t texts,
                       const int64_t* rows, uint64_t read, const int64_t* attended, float* out,
                       uint64_t out_floats) try {
    if (!tokens || tokens > kMostTokens || !texts || texts > tokens) return kLengths;
    if (read > tokens) return kRows;
    const Batch batch{ids, (int)tokens, lengths, (int)texts, rows, rows ? (int)read : 0, attended};
    if (const Fault fault = check(engine->model.shape, batch)) return fault;
    if (out_floats != (rows ? read : tokens) * (uint64_t)engine->model.shape.outputs) return kOutput;
    auto workspace = engine->take();
    encode(engine->model, batch, *workspace, engine->pool.get(), engine->threads, out);
    engine->give(std::move(workspace));
    return kNone;
} catch (...) {  // std::bad_alloc, or a thread that does not start
    return kMemory;
}

void distilbert_close(Engine* engine) { delete engine; }

int32_t distilbert_product(const char* name, const int8_t* a, int32_t rows, const int8_t* weights, const int32_t* sums,
                           int32_t in, int32_t out, int32_t* result) try {
    const Kernels* chosen = find(name);
    if (!chosen) return kKernel;
    if (rows < 1 || in < 1 || out < 1 || in % kPanel || out % kPanel) return kWeights;
    chosen->product(a, rows, {weights, nullptr, nullptr, sums, in, out}, result);
    return kNone;
} catch (...) {
    return kMemory;
}

int32_t distilbert_attend(const char* name, float* q, int32_t queries, const float* k, const float* v, int32_t keys,
                          int32_t width) try {
    const Kernels* chosen = find(name);
    if (!chosen) return kKernel;
    if (queries < 1 || keys < 1 || width < 1) return kWeights;
    Buffer<float> scratch;
    chosen->attend(q, width, queries, k, v, width, keys, width, scratch.reserve(attention_scratch(keys, width)));
    return kNone;
} catch (...) {
    return kMemory;
}

int32_t distilbert_activate(const char* name, int32_t activation, float* x, int32_t count) {
    const Kernels* chosen = find(name);
    if (!chosen) return kKernel;
    if (activation < 0 || activation > (int32_t)Activation::linear || count % kPanel) return kWeights;
    chosen->activate((Activation)activation, x, count);
    return kNone;
}
