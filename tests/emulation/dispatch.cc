// SPDX-License-Identifier: Apache-2.0
// Takes the place of src/ops/kernels/dispatch.cc in a test program: the machine counts as one that
// has every instruction set, and those from AVX-512 on are emulated, also where they are there.
#include <optional>
#include <string>

#include "base/environment.h"
#include "emulation/emulated_kernels.h"

namespace nestvec {

namespace generic {
extern const Kernels kKernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kKernels;
}
#endif

const Kernels& kernels(Isa isa) {
  if (isa >= Isa::kAvx512) return emulated_kernels(isa);
#if defined(__x86_64__)
  if (isa == Isa::kAvx2) return avx2::kKernels;
#endif
  return generic::kKernels;
}

Isa machine_isa() {
#if defined(__x86_64__)
  if (!detect_cpu().avx2) return Isa::kGeneric;
#endif
  const std::optional<std::string> limit = process_environment()("NESTVEC_MAX_ISA");
  return limit ? isa_of(*limit) : Isa::kAmx;
}

}  // namespace nestvec
