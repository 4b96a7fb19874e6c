// exp and the activations, on vectors. Errors against the exact functions: some 1e-7, of the value or absolute.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace TARGET {

// e^x; exactly 0 below -87, where float32 has no whole numbers left. The polynomial is that of Cephes' expf.
INLINE F exp(F x) {
#if defined(__AVX512F__)
    const F n = _mm512_maskz_roundscale_ps(0xffff, x * 1.44269504f, 0);
#else
    const I whole = nearest(min(max(x, all(-87.f)), all(88.f)) * 1.44269504f);
    const F n = to_float(whole);
#endif
    F r = fma(n, all(-0.693359375f), x);
    r = fma(n, all(2.12194440e-4f), r);
    F p = all(1.9875691500e-4f);
    p = fma(p, r, all(1.3981999507e-3f));
    p = fma(p, r, all(8.3334519073e-3f));
    p = fma(p, r, all(4.1665795894e-2f));
    p = fma(p, r, all(1.6666665459e-1f));
    p = fma(p, r, all(5.0000001201e-1f));
    p = fma(p, r * r, r + 1.f);
#if defined(__AVX512F__)
    return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, all(-87.f), _CMP_NLT_UQ), p, n);
#else
    return x < -87.f ? F{} : p * (F)((whole + 127) << 23);
#endif
}

INLINE F sigmoid(F x) { return 1.f / (1.f + exp(-x)); }

INLINE F tanh(F x) { return 1.f - 2.f / (1.f + exp(2.f * x)); }

// Abramowitz and Stegun, 7.1.26.
INLINE F erf(F x) {
    const F a = abs(x);
    const F t = 1.f / fma(a, all(0.3275911f), all(1.f));
    F p = all(1.061405429f);
    p = fma(p, t, all(-1.453152027f));
    p = fma(p, t, all(1.421413741f));
    p = fma(p, t, all(-0.284496736f));
    p = fma(p, t, all(0.254829592f)) * t;
    const F y = 1.f - p * exp(-(a * a));
    return x < 0.f ? -y : y;
}

template <Activation A>
INLINE F activate(F x) {
    if constexpr (A == Activation::gelu) {
        return 0.5f * x * (1.f + erf(x * 0.70710678f));
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
