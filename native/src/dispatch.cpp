// Which targets this processor runs.
#include "kernels.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace generic { extern const Kernels table; }
#if defined(__x86_64__)
namespace avx2 { extern const Kernels table; }
namespace avx512_vnni { extern const Kernels table; }
#elif defined(__aarch64__)
namespace neon_dot { extern const Kernels table; }
namespace neon_i8mm { extern const Kernels table; }

static bool has_dot_product() {
#if defined(__linux__)
    return getauxval(AT_HWCAP) & (1ul << 20);  // HWCAP_ASIMDDP
#else
    int value = 0;
    size_t size = sizeof value;
    return !sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, nullptr, 0) && value;
#endif
}

static bool has_i8mm() {
#if defined(__linux__)
    return getauxval(AT_HWCAP2) & (1ul << 13);  // HWCAP2_I8MM
#else
    int value = 0;
    size_t size = sizeof value;
    return !sysctlbyname("hw.optional.arm.FEAT_I8MM", &value, &size, nullptr, 0) && value;
#endif
}
#endif

struct Targets {
    const Kernels* of[3];
    int count = 0;

    Targets() {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512vnni"))
            of[count++] = &avx512_vnni::table;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) of[count++] = &avx2::table;
#elif defined(__aarch64__)
        if (has_i8mm()) of[count++] = &neon_i8mm::table;
        if (has_dot_product()) of[count++] = &neon_dot::table;
#endif
        of[count++] = &generic::table;
    }
};

const Kernels* const* kernels(int* count) {
    static const Targets targets;
    *count = targets.count;
    return targets.of;
}
