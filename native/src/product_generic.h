// Products of 8-bit integers in plain C++: what every other kernel is held to, number for number.
#pragma once

#include "simd.h"

namespace TARGET {

// kZero is what 0 is stored as in rows, of which kTogether lie in turns (rows.h); a tile is kTileRows rows of kTilePanels
// panels.
constexpr int kGroup = 4, kBits = 8, kZero = 0, kTileRows = 4, kTilePanels = 1, kTogether = 1, kChunk = 48;

// out [rows][16 · panels] of rows of `a` [in], `stride` bytes apart, and panels of weights [in / group][16][group].
static void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int panels, int32_t* out) {
    for (int r = 0; r < rows; r++)
        for (int column = 0; column < panels * kPanel; column++) {
            const int8_t* panel = w + (size_t)(column / kPanel) * in * kPanel;
            int32_t total = 0;
            for (int k = 0; k < in; k++) {
                const int weight = panel[(k / kGroup * kPanel + column % kPanel) * kGroup + k % kGroup];
                total += (int8_t)a[r * stride + k] * weight;
            }
            out[r * panels * kPanel + column] = total;
        }
}

}  // namespace TARGET
