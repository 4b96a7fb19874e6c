// AMX's registers must be set up by a thread before it uses them; others need nothing.
#pragma once

#include "simd.h"

namespace TARGET {

#if defined(AMX)
// While it lives, the thread may use its tiles.
class Registers {
public:
    Registers() {
        struct alignas(64) {
            uint8_t palette, start, reserved[14];
            uint16_t bytes[16];
            uint8_t rows[16];
        } shape = {};
        shape.palette = 1;
        for (int i = 0; i < 8; i++) shape.bytes[i] = 64, shape.rows[i] = 16;
        _tile_loadconfig(&shape);
    }
    ~Registers() { _tile_release(); }
    Registers(const Registers&) = delete;
};
#else
struct Registers {
    Registers() {}
};
#endif

}  // namespace TARGET
