// SPDX-License-Identifier: Apache-2.0
// The instruction set that kernels are chosen for, at run time.
#pragma once

#include <string_view>

#include "base/cpu.h"

namespace nestvec {

// Each level includes those before it.
enum class Isa {
  kGeneric,     // what every x86-64 has, or another architecture
  kAvx2,        // with FMA
  kAvx512,      // F, BW, DQ, VL
  kAvx512Vnni,  // int8 dot products
  kAvx512Bf16,  // bfloat16 dot products
  kAmx,         // tiles of bfloat16 and int8
};

// "avx512_bf16", the names of CpuFeatures::best_isa() and of NESTVEC_MAX_ISA.
std::string_view isa_name(Isa isa);

// The level of that name. Throws Error kInvalidArgument, listing the names.
Isa isa_of(std::string_view name);

// The best level that `cpu` has all of, at most `limit`. For AMX this asks the kernel for leave to
// use tiles (arch_prctl ARCH_REQ_XCOMP_PERM); a refusal means one level less.
Isa choose_isa(const CpuFeatures& cpu, Isa limit = Isa::kAmx);

// choose_isa of this machine, with the limit that the environment variable NESTVEC_MAX_ISA names.
Isa machine_isa();

}  // namespace nestvec
