// All kernels for one kind of processor. CMakeLists.txt compiles this file once for each, with its instructions and
// TARGET as the namespace. Nothing of the standard library's is called here: a linker could take such a function, made
// for a newer processor, for the whole program.
#include <new>

#include "kernels.h"

#if defined(AMX)
#include "product_amx.h"
#elif defined(__AVX512VNNI__)
#include "product_avx512.h"
#elif defined(__AVX2__)
#include "product_avx2.h"
#elif defined(__ARM_FEATURE_DOTPROD)
#include "product_neon.h"
#else
#include "product_generic.h"
#endif

#include "attention.h"
#include "matmul.h"
#include "registers.h"
#include "rows.h"

namespace TARGET {

static_assert(kTilePanels <= kMostPanels);

// out = activation((integers - zero · sums) · row's scale · column's scale + bias)
template <Activation A>
INLINE void finish(const int32_t* integers, const float* scales, int rows, const Linear& layer, int column, int count,
                   Rows out) {
    for (int at = 0; at < count; at += W) {
        const F scale = load(layer.scale + column + at), bias = load(layer.bias + column + at);
        const I zero = load(layer.sums + column + at) * kZero;
        for (int r = 0; r < rows; r++) {
            const F y = to_float(load(integers + r * count + at) - zero) * all(scales[r]);
            store_first(out.at + r * out.stride + column + at, activate<A>(fma(y, scale, bias)),
                        out.columns - column - at);
        }
    }
}

// Calls part(integers, row, rows, column, columns) with the product of all rows and the panels from `begin` to `end`, a
// tile at a time.
template <typename Part>
INLINE void multiply(const uint8_t* a, int rows, const Linear& layer, int begin, int end, const Part& part) {
    if (!rows) return;
    alignas(64) int32_t integers[kTileRows * kTilePanels * kPanel];
    const Registers registers(rows);
    const int least = rows < kLeastRows ? rows : kLeastRows;
    for (int panel = begin; panel < end;) {
        const int panels = end - panel >= kTilePanels ? kTilePanels : 1;
        for (int row = 0; row < rows; row += kTileRows) {
            const int first = rows - row < least ? rows - least : row;  // some rows again, rather than too few
            const int count = rows - first < kTileRows ? rows - first : kTileRows;
            tile(a + (size_t)first * layer.in, layer.in, count, layer.weights + (size_t)panel * kPanel * layer.in,
                 layer.in, panels, integers);
            part(integers, first, count, panel * kPanel, panels * kPanel);
        }
        panel += panels;
    }
}

static void linear(const uint8_t* a, const float* scales, int rows, const Linear& layer, int begin, int end,
                   Activation activation, Rows out) {
    with_activation(activation, [&](auto chosen) {
        multiply(a, rows, layer, begin, end, [&](const int32_t* integers, int row, int count, int column, int columns) {
            finish<decltype(chosen)::value>(integers, scales + row, count, layer, column, columns, out.from(row));
        });
    });
}

static void product(const int8_t* a, int rows, const Linear& layer, int32_t* out) {
    uint8_t* shifted = new (std::align_val_t(64)) uint8_t[(size_t)rows * layer.in];
    for (size_t i = 0; i < (size_t)rows * layer.in; i++) shifted[i] = (uint8_t)(a[i] + kZero);
    multiply(shifted, rows, layer, 0, layer.out / kPanel,
             [&](const int32_t* integers, int row, int count, int column, int columns) {
                 for (int r = 0; r < count; r++)
                     for (int i = 0; i < columns; i++)
                         out[(size_t)(row + r) * layer.out + column + i] =
                             integers[r * columns + i] - kZero * layer.sums[column + i];
             });
    operator delete[](shifted, std::align_val_t(64));
}

static void activate_all(Activation activation, float* x, int count) {
    with_activation(activation, [&](auto chosen) {
        for (int i = 0; i < count; i += W) store(x + i, activate<decltype(chosen)::value>(load(x + i)));
    });
}

#define TEXT(name) #name
#define NAME(name) TEXT(name)
extern const Kernels table;
const Kernels table = {NAME(TARGET), kGroup, kBits, kTileRows, kChunk, embed, norm, quantize, linear, dense, attend, product, activate_all};

}  // namespace TARGET
