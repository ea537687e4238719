// SPDX-License-Identifier: Apache-2.0
#include "emulation/emulated_kernels.h"

namespace nestvec {

namespace emulated_avx_vnni {
extern const Kernels kKernels;
}
namespace emulated_avx512 {
extern const Kernels kKernels;
}
namespace emulated_avx512_vnni {
extern const Kernels kKernels;
}
namespace emulated_avx512_bf16 {
extern const Kernels kKernels;
}
namespace emulated_amx {
extern const Kernels kKernels;
}

const Kernels& emulated_kernels(Isa isa) {
  switch (isa) {
    case Isa::kAvxVnni:
      return emulated_avx_vnni::kKernels;
    case Isa::kAvx512Vnni:
      return emulated_avx512_vnni::kKernels;
    case Isa::kAvx512Bf16:
      return emulated_avx512_bf16::kKernels;
    case Isa::kAmx:
      return emulated_amx::kKernels;
    default:
      return emulated_avx512::kKernels;
  }
}

}  // namespace nestvec
