// AMX's instructions on its registers, eight tiles of 16 rows of 64 bytes.
#pragma once

#include "registers.h"
#include "simd.h"

namespace TARGET {

constexpr int kTile = 16;  // rows of a tile

// By hand: GCC's own functions take no template's numbers, and do not tell it that memory is read. Strides are in bytes.
template <int T>
INLINE void read_tile(const void* from, size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(T) : "memory");
}

// The same, of memory that is not read again soon.
template <int T>
INLINE void pass_tile(const void* from, size_t stride) {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(T) : "memory");
}

template <int T>
INLINE void write_tile(void* to, size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(T) : "memory");
}

template <int T>
INLINE void clear_tile() {
    asm volatile("tilezero %%tmm%c0" : : "i"(T));
}

// Sums += rows [16][64] of uint8 · weights [16][16][4] of int8.
template <int SUMS, int ROWS, int WEIGHTS>
INLINE void add_integers() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(SUMS), "i"(ROWS), "i"(WEIGHTS));
}

// Sums += rows [16][32] · weights [16][16][2], in bfloat16.
template <int SUMS, int ROWS, int WEIGHTS>
INLINE void add_floats() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(SUMS), "i"(ROWS), "i"(WEIGHTS));
}

}  // namespace TARGET
