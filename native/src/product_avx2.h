// Products of 8-bit integers by AVX2. Pairs of products are summed in 16 bits, which 7-bit weights do not overflow:
// 2 · 255 · 63 < 2^15.
#pragma once

#include "simd.h"

namespace TARGET {

constexpr int kGroup = 4, kBits = 7, kZero = 128, kTileRows = 4, kTilePanels = 1, kTogether = 1, kChunk = 48;

template <int R>
INLINE void tile_of(const uint8_t* a, size_t stride, const int8_t* w, int in, int32_t* out) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i total[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) total[r][0] = total[r][1] = _mm256_setzero_si256();
    for (int k = 0; k < in; k += kGroup, w += kPanel * kGroup) {
        const __m256i left = _mm256_loadu_si256((const __m256i*)w);
        const __m256i right = _mm256_loadu_si256((const __m256i*)(w + 32));
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            int32_t four;
            memcpy(&four, a + r * stride + k, 4);
            const __m256i x = _mm256_set1_epi32(four);
            total[r][0] = _mm256_add_epi32(total[r][0], _mm256_madd_epi16(_mm256_maddubs_epi16(x, left), ones));
            total[r][1] = _mm256_add_epi32(total[r][1], _mm256_madd_epi16(_mm256_maddubs_epi16(x, right), ones));
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        _mm256_storeu_si256((__m256i*)(out + r * kPanel), total[r][0]);
        _mm256_storeu_si256((__m256i*)(out + r * kPanel + 8), total[r][1]);
    }
}

// As in product_generic.h, of `a` around 128; `panels` is 1.
static void tile(const uint8_t* a, size_t stride, int rows, const int8_t* w, int in, int, int32_t* out) {
    switch (rows) {
        case 4: return tile_of<4>(a, stride, w, in, out);
        case 3: return tile_of<3>(a, stride, w, in, out);
        case 2: return tile_of<2>(a, stride, w, in, out);
        default: return tile_of<1>(a, stride, w, in, out);
    }
}

}  // namespace TARGET
