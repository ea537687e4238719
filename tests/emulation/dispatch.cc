// SPDX-License-Identifier: Apache-2.0
// Takes the place of src/ops/kernels/dispatch.cc in a test program: the machine counts as one that
// has every instruction set of x86-64, and those above AVX2 are emulated, also where they are
// there.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

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
  if (isa == Isa::kGeneric) return generic::kKernels;
#if defined(__x86_64__)
  if (isa == Isa::kAvx2) return avx2::kKernels;
#endif
  return emulated_kernels(isa);
}

std::vector<Isa> machine_isas() {
  CpuFeatures cpu = detect_cpu();
#if defined(__x86_64__)
  if (!cpu.avx2) return {Isa::kGeneric};
#endif
  cpu.avx2 = cpu.avx_vnni = cpu.avx512f = cpu.avx512_vnni = cpu.avx512_bf16 = true;
  const std::optional<std::string> limit = process_environment()("NESTVEC_MAX_ISA");
  const Isa most = limit ? isa_of(*limit) : Isa::kAmx;
  // AMX by hand: nobody has to grant what is not the processor's.
  std::vector<Isa> all = available_isas(cpu, std::min(most, Isa::kAvx512Bf16));
  if (most == Isa::kAmx) all.push_back(Isa::kAmx);
  return all;
}

Isa machine_isa() { return machine_isas().back(); }

}  // namespace nestvec
