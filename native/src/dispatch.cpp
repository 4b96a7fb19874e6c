// Which targets this processor runs.
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace generic { extern const Kernels table; }
#if defined(__x86_64__)
namespace avx2 { extern const Kernels table; }
namespace avx512_vnni { extern const Kernels table; }
#if defined(HAS_AMX) && defined(__linux__)
namespace avx512_amx { extern const Kernels table; }

// Whether the processor has AMX, and Linux lets this process use its registers, for which it must be asked once.
static bool has_amx() {
    unsigned a, b, c, d;
    constexpr unsigned all = 1u << 22 | 1u << 24 | 1u << 25;  // bfloat16, tiles, int8
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & all) != all) return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & 1u << 5)) return false;  // AVX-512's bfloat16
    return !syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* XFEATURE_XTILEDATA */);
}
#endif
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
    const Kernels* of[4];
    int count = 0;

    Targets() {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512vnni")) {
#if defined(HAS_AMX) && defined(__linux__)
            if (has_amx()) of[count++] = &avx512_amx::table;
#endif
            of[count++] = &avx512_vnni::table;
        }
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
