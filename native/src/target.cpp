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

#if !defined(AMX)
// Only AMX multiplies by itself; elsewhere what is to be done meanwhile is done before.
template <typename Meanwhile>
INLINE void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int panels, int32_t* integers,
                 const Meanwhile& meanwhile) {
    meanwhile(1);
    tile(a, stride, rows, w, in, panels, integers);
}
#endif

// A tile of integers: `count` rows from `row` on by `columns` columns from `column` on. The first `done` rows are
// finished.
struct Tile {
    const int32_t* integers;
    int row, count, column, columns, done;
};

// out = activation((integers - zero · sums) · row's scale · column's scale + bias), of the tile's rows from `begin` to
// `end`.
template <Activation A>
INLINE void finish(const Tile& tile, int begin, int end, const float* scales, const Linear& layer, const Rows& out) {
    for (int at = 0; at < tile.columns; at += W) {
        const int column = tile.column + at;
        const F scale = load(layer.scale + column), bias = load(layer.bias + column);
        const I zero = load(layer.sums + column) * kZero;
        for (int r = begin; r < end; r++) {
            const F y = to_float(load(tile.integers + r * tile.columns + at) - zero) * all(scales[tile.row + r]);
            store_first(out.at + (tile.row + r) * out.stride + column, activate<A>(fma(y, scale, bias)),
                        out.columns - column);
        }
    }
}

// The product of all rows and the panels from `begin` to `end`, a tile at a time: calls part(tile, begin, end) for the
// rows of each, in turns with the multiplications of the next.
template <typename Part>
INLINE void multiply(const uint8_t* a, int rows, const Linear& layer, int begin, int end, const Part& part) {
    if (!rows) return;
    alignas(64) int32_t integers[2][kTileRows * kTilePanels * kPanel];
    const Registers registers;
    const size_t stride = padded(layer.in, kPiece);
    Tile last{};
    const auto go_on = [&](int steps) {  // with the last tile: one step of so many
        const int next = last.done + (last.count + steps - 1) / steps, end = next < last.count ? next : last.count;
        part(last, last.done, end);
        last.done = end;
    };
    const auto count_of = [&](int row) { return rows - row < kTileRows ? rows - row : kTileRows; };
    for (int panel = begin, turn = 0; panel < end;) {
        const int panels = end - panel >= kTilePanels ? kTilePanels : 1;
        for (int row = 0; row < rows; row += kTileRows, turn ^= 1) {
            tile(a + row * stride, stride, count_of(row), layer.weights + (size_t)panel * kPanel * layer.in, layer.in,
                 panels, integers[turn], go_on);
            last = {integers[turn], row, count_of(row), panel * kPanel, panels * kPanel, 0};
        }
        panel += panels;
    }
    go_on(1);
}

static void linear(const uint8_t* a, const float* scales, int rows, const Linear& layer, int begin, int end,
                   Activation activation, Rows out) {
    with_activation(activation, [&](auto chosen) {
        multiply(a, rows, layer, begin, end, [&](const Tile& tile, int first, int last) {
            finish<decltype(chosen)::value>(tile, first, last, scales, layer, out);
        });
    });
}

static void product(const int8_t* a, int rows, const Linear& layer, int32_t* out) {
    const size_t bytes = (size_t)padded(rows, kTileRows) * padded(layer.in, kPiece);
    uint8_t* shifted = new (std::align_val_t(64)) uint8_t[bytes]();
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < layer.in; i++)
            shifted[place(r, layer.in, i)] = (uint8_t)(a[(size_t)r * layer.in + i] + kZero);
    multiply(shifted, rows, layer, 0, layer.out / kPanel, [&](const Tile& tile, int first, int last) {
        for (int r = first; r < last; r++)
            for (int i = 0; i < tile.columns; i++)
                out[(size_t)(tile.row + r) * layer.out + tile.column + i] =
                    tile.integers[r * tile.columns + i] - kZero * layer.sums[tile.column + i];
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
