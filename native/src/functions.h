// Exponentials and the activations, on vectors. Errors against the exact functions: some 1e-7 or 1e-6 of the value, or
// 1e-7 absolute.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace TARGET {

// 2^x; exactly 0 below -125, where float32 has no whole numbers left.
INLINE F exp2(F x) {
#if defined(__AVX512F__)
    const F n = _mm512_maskz_roundscale_ps(0xffff, x, 0);
#else
    const I whole = nearest(min(max(x, all(-126.f)), all(127.f)));
    const F n = to_float(whole);
#endif
    const F r = x - n;
    F p = fma(all(1.327647206e-3f), r, all(9.675541464e-3f));
    p = fma(p, r, all(5.550713274e-2f));
    p = fma(p, r, all(2.402211972e-1f));
    p = fma(p, r, all(6.931469671e-1f));
    p = fma(p, r, all(1.f));
#if defined(__AVX512F__)
    return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, all(-125.f), _CMP_NLT_UQ), p, n);
#else
    return x < -125.f ? F{} : p * (F)((whole + 127) << 23);
#endif
}

INLINE F exp(F x) { return exp2(x * 1.44269504f); }

INLINE F sigmoid(F x) { return 1.f / (1.f + exp(-x)); }

INLINE F tanh(F x) { return 1.f - 2.f / (1.f + exp(2.f * x)); }

// x · Φ(x) = max(x, 0) - |x| · Φ(-|x|). The logarithm of Φ(-s) is nearly a parabola: this polynomial of it, base 2, is
// fitted so that the result is off by 6e-8 at most. Beyond 6 the second term is below 1e-8.
INLINE F gelu(F x) {
    const F s = min(abs(x), all(6.f));
    F p = fma(all(3.250585923e-5f), s, all(-7.637960359e-4f));
    p = fma(p, s, all(8.061672192e-3f));
    p = fma(p, s, all(-5.338008079e-2f));
    p = fma(p, s, all(-4.587975912e-1f));
    p = fma(p, s, all(-1.151191654f));
    p = fma(p, s, all(-9.999943412e-1f));
    return max(x, F{}) - s * exp2(p);
}

template <Activation A>
INLINE F activate(F x) {
    if constexpr (A == Activation::gelu) {
        return gelu(x);
    } else if constexpr (A == Activation::gelu_tanh) {
        return x * sigmoid(1.59576912f * (x + 0.044715f * x * x * x));
    } else if constexpr (A == Activation::quick_gelu) {
        return x * sigmoid(1.702f * x);
    } else if constexpr (A == Activation::relu) {
        return max(x, F{});
    } else if constexpr (A == Activation::silu) {
        return x * sigmoid(x);
    } else if constexpr (A == Activation::mish) {  // tanh(log(1 + e)) = n / (n + 2)
        const F e = exp(min(x, all(20.f)));
        const F n = e * (e + 2.f);
        return x * (n / (n + 2.f));
    } else if constexpr (A == Activation::tanh) {
        return tanh(x);
    } else {
        return x;
    }
}

// Calls `f` with the activation as a type, so that its loop is compiled for it.
template <Activation A>
struct Chosen {
    static constexpr Activation value = A;
};

template <typename Function>
INLINE void with_activation(Activation activation, Function f) {
    switch (activation) {
        case Activation::gelu: return f(Chosen<Activation::gelu>{});
        case Activation::gelu_tanh: return f(Chosen<Activation::gelu_tanh>{});
        case Activation::quick_gelu: return f(Chosen<Activation::quick_gelu>{});
        case Activation::relu: return f(Chosen<Activation::relu>{});
        case Activation::silu: return f(Chosen<Activation::silu>{});
        case Activation::mish: return f(Chosen<Activation::mish>{});
        case Activation::tanh: return f(Chosen<Activation::tanh>{});
        case Activation::linear: return f(Chosen<Activation::linear>{});
    }
}

}  // namespace TARGET
