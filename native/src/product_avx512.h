// Products of 8-bit integers by AVX-512 VNNI: one instruction takes four products of each of 16 columns.
#pragma once

#include "simd.h"

namespace TARGET {

constexpr int kGroup = 4, kBits = 8, kZero = 128, kTileRows = 6, kTilePanels = 4, kTogether = 1, kChunk = 48;

template <int R, int C>
INLINE void tile_of(const uint8_t* a, size_t stride, const int8_t* w, int in, int32_t* out) {
    const size_t panel = (size_t)in * kPanel;
    __m512i total[R][C];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) total[r][c] = _mm512_setzero_si512();
    for (int k = 0; k < in; k += kGroup, w += kPanel * kGroup) {
        __m512i weights[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) weights[c] = _mm512_loadu_si512(w + c * panel);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            int32_t four;
            memcpy(&four, a + r * stride + k, 4);
            const __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 4
            for (int c = 0; c < C; c++)  // by hand: GCC 12 keeps the sums of its own _mm512_dpbusd_epi32 in memory
                asm("vpdpbusd %2, %1, %0" : "+v"(total[r][c]) : "v"(x), "v"(weights[c]));
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) _mm512_storeu_si512(out + (r * C + c) * kPanel, total[r][c]);
}

template <int C>
INLINE void tile_rows(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int32_t* out) {
    switch (rows) {
        case 6: return tile_of<6, C>(a, stride, w, in, out);
        case 5: return tile_of<5, C>(a, stride, w, in, out);
        case 4: return tile_of<4, C>(a, stride, w, in, out);
        case 3: return tile_of<3, C>(a, stride, w, in, out);
        case 2: return tile_of<2, C>(a, stride, w, in, out);
        default: return tile_of<1, C>(a, stride, w, in, out);
    }
}

// As in product_generic.h, of `a` around 128; `panels` is 4 or 1.
static void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int panels, int32_t* out) {
    if (panels == kTilePanels) return tile_rows<kTilePanels>(a, stride, rows, w, in, out);
    tile_rows<1>(a, stride, rows, w, in, out);
}

}  // namespace TARGET
