// The C interface. Nothing here throws; whatever a caller gives is checked before it is used.
#pragma once

#include "model.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

// Changes with every change of this file, of the weights' order or of their layout.
constexpr int32_t kInterface = 2;

// Why a model did not open or run.
enum Fault : int32_t { kNone, kWeights, kKernel, kLengths, kIds, kRows, kAttended, kOutput, kMemory };

struct Engine;

EXPORT int32_t distilbert_interface();

// The name of the processor's `index`-th kernels, the fastest first, null beyond the last; how their weights lie.
EXPORT const char* distilbert_kernels(int32_t index, int32_t* group, int32_t* bits);

// A model on `threads` threads; the weights are not copied and must stay. Null, and a fault, where it does not open.
EXPORT Engine* distilbert_open(const char* kernels, const Shape* shape, const Weight* weights, uint64_t count,
                               int32_t threads, int32_t* fault);

// float32 [K][outputs] for the rows read (all N where `rows` is null). Any thread may call it at any time.
EXPORT int32_t distilbert_run(Engine* engine, const int64_t* ids, uint64_t tokens, const int64_t* lengths,
                              uint64_t texts, const int64_t* rows, uint64_t read, const int64_t* attended, float* out,
                              uint64_t out_floats);

EXPORT void distilbert_close(Engine* engine);

// For tests: int32 [rows][out] of int8 [rows][in] and packed weights; an activation, and attention of queries [queries]
// [width], in place; see kernels.h.
EXPORT int32_t distilbert_product(const char* kernels, const int8_t* a, int32_t rows, const int8_t* weights,
                                  const int32_t* sums, int32_t in, int32_t out, int32_t* result);
EXPORT int32_t distilbert_activate(const char* kernels, int32_t activation, float* x, int32_t count);
EXPORT int32_t distilbert_attend(const char* kernels, float* q, int32_t queries, const float* k, const float* v,
                                 int32_t keys, int32_t width);
