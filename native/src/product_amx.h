// Products of 8-bit integers by AMX. The weights lie as for AVX-512 VNNI, and the same integers come out.
#pragma once

#include "amx.h"

namespace TARGET {

constexpr int kGroup = 4, kBits = 8, kZero = 128, kTileRows = 2 * kTile, kTilePanels = 2, kLeastRows = kTile, kChunk = 192;
constexpr int kDepth = 64;  // inputs that a tile holds

// kDepth inputs of R x 16 rows, the last 16 of which begin `last` bytes after the first, by C panels.
template <int R, int C>
INLINE void step(const uint8_t* a, size_t stride, size_t last, const int8_t* w, size_t panel) {
    read_tile<4>(a, stride);
    read_tile<6>(w, kDepth);
    add_integers<0, 4, 6>();
    if constexpr (R == 2) read_tile<5>(a + last, stride), add_integers<1, 5, 6>();
    if constexpr (C == 2) read_tile<7>(w + panel, kDepth), add_integers<2, 4, 7>();
    if constexpr (R == 2 && C == 2) add_integers<3, 5, 7>();
}

// The same of the last `count` inputs, too few for a tile: zeros follow them.
template <int R, int C>
INLINE void last_step(const uint8_t* a, size_t stride, int rows, const int8_t* w, size_t panel, int count) {
    alignas(64) uint8_t inputs[kTileRows * kDepth] = {};
    alignas(64) int8_t weights[C * kPanel * kDepth] = {};
    for (int r = 0; r < rows; r++) memcpy(inputs + r * kDepth, a + r * stride, count);
    for (int c = 0; c < C; c++) memcpy(weights + c * kPanel * kDepth, w + c * panel, count * kPanel);
    step<R, C>(inputs, kDepth, (size_t)(rows - kTile) * kDepth, weights, kPanel * kDepth);
}

template <int R, int C>
INLINE void tile_of(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int32_t* out) {
    const size_t panel = (size_t)in * kPanel, last = (size_t)(rows - kTile) * stride, out_stride = C * kPanel * 4;
    const int whole = in / kDepth * kDepth;
    clear_tile<0>(), clear_tile<1>(), clear_tile<2>(), clear_tile<3>();
    for (int k = 0; k < whole; k += kDepth) step<R, C>(a + k, stride, last, w + k * kPanel, panel);
    if (whole < in) last_step<R, C>(a + whole, stride, rows, w + whole * kPanel, panel, in - whole);
    write_tile<0>(out, out_stride);
    if constexpr (C == 2) write_tile<2>(out + kPanel, out_stride);
    out += (rows - kTile) * C * kPanel;
    if constexpr (R == 2) write_tile<1>(out, out_stride);
    if constexpr (R == 2 && C == 2) write_tile<3>(out + kPanel, out_stride);
}

// As in product_generic.h, of `a` around 128; `panels` is 2 or 1. Where `rows` are below 16, Registers has as many.
static void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int panels, int32_t* out) {
    if (rows > kTile && panels == 2) return tile_of<2, 2>(a, stride, rows, w, in, out);
    if (rows > kTile) return tile_of<2, 1>(a, stride, rows, w, in, out);
    if (panels == 2) return tile_of<1, 2>(a, stride, rows, w, in, out);
    tile_of<1, 1>(a, stride, rows, w, in, out);
}

}  // namespace TARGET
