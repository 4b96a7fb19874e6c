// All kernels for one kind of processor. CMakeLists.txt compiles this file once for each, with its instructions and
// TARGET as the namespace. Nothing of the standard library's is called here: a linker could take such a function, made
// for a newer processor, for the whole program.
#include "kernels.h"

#if defined(__AVX512VNNI__)
#include "product_avx512.h"
#elif defined(__AVX2__)
#include "product_avx2.h"
#elif defined(__ARM_FEATURE_DOTPROD)
#include "product_neon.h"
#else
#include "product_generic.h"
#endif

#include "attention.h"
#include "rows.h"

namespace TARGET {

static_assert(kTileRows <= kMostRows && kTilePanels <= kMostPanels);

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

static void linear(const uint8_t* a, const float* scales, int rows, const Linear& layer, int begin, int end,
                   Activation activation, Rows out) {
    alignas(64) int32_t integers[kTileRows * kTilePanels * kPanel];
    with_activation(activation, [&](auto chosen) {
        for (int panel = begin; panel < end;) {
            const int panels = end - panel >= kTilePanels ? kTilePanels : 1;
            const int8_t* weights = layer.weights + (size_t)panel * kPanel * layer.in;
            for (int row = 0; row < rows; row += kTileRows) {
                const int count = rows - row < kTileRows ? rows - row : kTileRows;
                tile(a + (size_t)row * layer.in, layer.in, count, weights, layer.in, panels, integers);
                finish<decltype(chosen)::value>(integers, scales + row, count, layer, panel * kPanel, panels * kPanel,
                                                out.from(row));
            }
            panel += panels;
        }
    });
}

static void product(const int8_t* a, int rows, const Linear& layer, int32_t* out) {
    uint8_t* shifted = new uint8_t[(size_t)rows * layer.in];
    int32_t integers[kTileRows * kTilePanels * kPanel];
    for (size_t i = 0; i < (size_t)rows * layer.in; i++) shifted[i] = (uint8_t)(a[i] + kZero);
    for (int column = 0; column < layer.out;) {
        const int panels = layer.out - column >= kTilePanels * kPanel ? kTilePanels : 1;
        for (int row = 0; row < rows; row += kTileRows) {
            const int count = rows - row < kTileRows ? rows - row : kTileRows;
            tile(shifted + (size_t)row * layer.in, layer.in, count, layer.weights + (size_t)column * layer.in, layer.in,
                 panels, integers);
            for (int r = 0; r < count; r++)
                for (int i = 0; i < panels * kPanel; i++)
                    out[(size_t)(row + r) * layer.out + column + i] =
                        integers[r * panels * kPanel + i] - kZero * layer.sums[column + i];
        }
        column += panels * kPanel;
    }
    delete[] shifted;
}

static void activate_all(Activation activation, float* x, int count) {
    with_activation(activation, [&](auto chosen) {
        for (int i = 0; i < count; i += W) store(x + i, activate<decltype(chosen)::value>(load(x + i)));
    });
}

#define TEXT(name) #name
#define NAME(name) TEXT(name)
extern const Kernels table;
const Kernels table = {NAME(TARGET), kGroup, kBits, embed, norm, quantize, linear, dense, attend, product, activate_all};

}  // namespace TARGET
