// Products of 8-bit integers by AMX. The weights lie as for AVX-512 VNNI, and the same integers come out.
#pragma once

#include "amx.h"
#include "kernels.h"

namespace TARGET {

constexpr int kGroup = 4, kBits = 8, kZero = 128;
constexpr int kTileRows = 2 * kTile, kTilePanels = 2, kTogether = kTile, kChunk = 256;
constexpr int kAhead = 4;  // steps by which weights that are read once, for one tile of rows, are asked for early

// A piece of R x 16 rows by C panels.
template <int R, int C>
INLINE void step(const uint8_t* a, size_t stride, const int8_t* w, size_t panel) {
    pass_tile<4>(a, kPiece);
    read_tile<6>(w, kPiece);
    add_integers<0, 4, 6>();
    if constexpr (R == 2) pass_tile<5>(a + kTile * stride, kPiece), add_integers<1, 5, 6>();
    if constexpr (C == 2) read_tile<7>(w + panel, kPiece), add_integers<2, 4, 7>();
    if constexpr (R == 2 && C == 2) add_integers<3, 5, 7>();
}

template <int R, int C, typename Meanwhile>
INLINE void tile_of(const uint8_t* a, size_t stride, const int8_t* w, int in, int32_t* out,
                    const Meanwhile& meanwhile) {
    const size_t panel = (size_t)in * kPanel, out_stride = C * kPanel * sizeof(int32_t);
    const int steps = (in + kPiece - 1) / kPiece, rest = in % kPiece;
    clear_tile<0>(), clear_tile<1>(), clear_tile<2>(), clear_tile<3>();
    for (int k = 0; k < steps; k++, a += kTile * kPiece, w += kPanel * kPiece) {
        if constexpr (R == 1) {
            const int8_t* next = w + kAhead * kPanel * kPiece + (k + kAhead < steps ? 0 : (C - 1) * panel);
            for (int c = 0; c < C; c++, next += panel)
                for (int line = 0; line < kPanel; line++) __builtin_prefetch(next + line * kPiece);
        }
        if (k < steps - 1 || !rest) {
            step<R, C>(a, stride, w, panel);
        } else {  // too few weights for a tile
            alignas(64) int8_t last[C * kPanel * kPiece] = {};
            for (int c = 0; c < C; c++) memcpy(last + c * kPanel * kPiece, w + c * panel, rest * kPanel);
            step<R, C>(a, stride, last, kPanel * kPiece);
        }
        meanwhile(steps);
    }
    write_tile<0>(out, out_stride);
    if constexpr (C == 2) write_tile<2>(out + kPanel, out_stride);
    out += kTile * C * kPanel;
    if constexpr (R == 2) write_tile<1>(out, out_stride);
    if constexpr (R == 2 && C == 2) write_tile<3>(out + kPanel, out_stride);
}

// As in product_generic.h, of `a` around 128; `panels` is 2 or 1. The multiplications run by themselves, and leave time
// for what is done meanwhile: it is called at each of so many steps.
template <typename Meanwhile>
INLINE void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int panels, int32_t* out,
                 const Meanwhile& meanwhile) {
    if (rows > kTile && panels == 2) return tile_of<2, 2>(a, stride, w, in, out, meanwhile);
    if (rows > kTile) return tile_of<2, 1>(a, stride, w, in, out, meanwhile);
    if (panels == 2) return tile_of<1, 2>(a, stride, w, in, out, meanwhile);
    tile_of<1, 1>(a, stride, w, in, out, meanwhile);
}

}  // namespace TARGET
