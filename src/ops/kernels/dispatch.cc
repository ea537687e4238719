// SPDX-License-Identifier: Apache-2.0
// The functions that say which kernels run, alone in a file: a program that defines them itself
// runs others (tests/emulation).
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "ops/isa.h"
#include "ops/kernels/table.h"

namespace nestvec {

namespace generic {
extern const Kernels kKernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx_vnni {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
namespace avx512_vnni {
extern const Kernels kKernels;
}
namespace avx512_bf16 {
extern const Kernels kKernels;
}
namespace amx {
extern const Kernels kKernels;
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels kKernels;
}
namespace neon_dotprod {
extern const Kernels kKernels;
}
namespace neon_i8mm {
extern const Kernels kKernels;
}
namespace neon_bf16 {
extern const Kernels kKernels;
}
#endif

const Kernels& kernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
      return avx2::kKernels;
    case Isa::kAvxVnni:
      return avx_vnni::kKernels;
    case Isa::kAvx512:
      return avx512::kKernels;
    case Isa::kAvx512Vnni:
      return avx512_vnni::kKernels;
    case Isa::kAvx512Bf16:
      return avx512_bf16::kKernels;
    case Isa::kAmx:
      return amx::kKernels;
#elif defined(__aarch64__)
    case Isa::kNeon:
      return neon::kKernels;
    case Isa::kNeonDotprod:
      return neon_dotprod::kKernels;
    case Isa::kNeonI8mm:
      return neon_i8mm::kKernels;
    case Isa::kNeonBf16:
      return neon_bf16::kKernels;
#endif
    default:
      return generic::kKernels;
  }
}

namespace {

std::optional<Isa> limit_of_environment() {
  const std::optional<std::string> name = process_environment()("NESTVEC_MAX_ISA");
  if (!name) return std::nullopt;
  return isa_of(*name);
}

}  // namespace

std::vector<Isa> machine_isas() { return available_isas(detect_cpu(), limit_of_environment()); }

Isa machine_isa() { return choose_isa(detect_cpu(), limit_of_environment()); }

}  // namespace nestvec
