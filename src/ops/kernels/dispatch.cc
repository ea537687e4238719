// SPDX-License-Identifier: Apache-2.0
// The two functions that say which kernels run, alone in a file: a program that defines them itself
// runs others (tests/emulation).
#include <optional>
#include <string>

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
#endif

const Kernels& kernels(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kGeneric:
      break;
    case Isa::kAvx2:
      return avx2::kKernels;
    case Isa::kAvx512:
      return avx512::kKernels;
    case Isa::kAvx512Vnni:
      return avx512_vnni::kKernels;
    case Isa::kAvx512Bf16:
      return avx512_bf16::kKernels;
    case Isa::kAmx:
      return amx::kKernels;
  }
#endif
  static_cast<void>(isa);
  return generic::kKernels;
}

Isa machine_isa() {
  const std::optional<std::string> limit = process_environment()("NESTVEC_MAX_ISA");
  return choose_isa(detect_cpu(), limit ? isa_of(*limit) : Isa::kAmx);
}

}  // namespace nestvec
