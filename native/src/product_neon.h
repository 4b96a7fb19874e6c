// Products of 8-bit integers on ARM: by SDOT (four products of each of 4 columns), or, where the processor has I8MM,
// by SMMLA (eight products of 2 rows with 2 columns).
#pragma once

#include "simd.h"

namespace TARGET {

#if defined(__ARM_FEATURE_MATMUL_INT8)

constexpr int kGroup = 8, kBits = 8, kZero = 0, kTileRows = 4, kTilePanels = 1, kTogether = 1, kChunk = 48;

// As in product_generic.h; `panels` is 1. Rows go in pairs: an odd one is its own partner.
static void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int, int32_t* out) {
    const int8_t* row[4];
    for (int r = 0; r < 4; r++) row[r] = (const int8_t*)a + (r < rows ? r : rows - 1) * stride;
    int32x4_t total[2][8] = {};
    for (int k = 0; k < in; k += kGroup, w += kPanel * kGroup) {
        const int8x16_t upper = vcombine_s8(vld1_s8(row[0] + k), vld1_s8(row[1] + k));
        const int8x16_t lower = vcombine_s8(vld1_s8(row[2] + k), vld1_s8(row[3] + k));
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++) {
            const int8x16_t columns = vld1q_s8(w + 16 * c);
            total[0][c] = vmmlaq_s32(total[0][c], upper, columns);
            total[1][c] = vmmlaq_s32(total[1][c], lower, columns);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < 8; c++) {
            const int32x4_t square = total[r / 2][c];
            vst1_s32(out + r * kPanel + 2 * c, r % 2 ? vget_high_s32(square) : vget_low_s32(square));
        }
}

#else

constexpr int kGroup = 4, kBits = 8, kZero = 0, kTileRows = 4, kTilePanels = 1, kTogether = 1, kChunk = 48;

template <int R>
INLINE void tile_of(const int8_t* a, size_t stride, const int8_t* w, int in, int32_t* out) {
    int32x4_t total[R][4] = {};
    for (int k = 0; k < in; k += 16) {
        int8x16_t x[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) x[r] = vld1q_s8(a + r * stride + k);
#define STEP(lane)                                                                                       \
    _Pragma("GCC unroll 4") for (int c = 0; c < 4; c++, w += 16) {                                       \
        const int8x16_t columns = vld1q_s8(w);                                                           \
        _Pragma("GCC unroll 4") for (int r = 0; r < R; r++) total[r][c] =                                \
            vdotq_laneq_s32(total[r][c], columns, x[r], lane);                                           \
    }
        STEP(0) STEP(1) STEP(2) STEP(3)
#undef STEP
    }
    for (int r = 0; r < R; r++)
        for (int c = 0; c < 4; c++) vst1q_s32(out + r * kPanel + 4 * c, total[r][c]);
}

// As in product_generic.h; `panels` is 1.
static void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int, int32_t* out) {
    const int8_t* x = (const int8_t*)a;
    switch (rows) {
        case 4: return tile_of<4>(x, stride, w, in, out);
        case 3: return tile_of<3>(x, stride, w, in, out);
        case 2: return tile_of<2>(x, stride, w, in, out);
        default: return tile_of<1>(x, stride, w, in, out);
    }
}

#endif

}  // namespace TARGET
