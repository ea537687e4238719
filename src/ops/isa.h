// SPDX-License-Identifier: Apache-2.0
// The instruction set that kernels are chosen for, at run time.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/cpu.h"

namespace nestvec {

// Levels of all architectures, those of one in the order of preference. isa.cc says which levels
// each one includes.
enum class Isa {
  kGeneric,  // what every processor of the architecture has, as the compiler uses it
  // x86-64
  kAvx2,        // with FMA
  kAvxVnni,     // int8 dot products in registers of AVX2
  kAvx512,      // F, BW, DQ, VL; on AVX2
  kAvx512Vnni,  // int8 dot products
  kAvx512Bf16,  // bfloat16 dot products
  kAmx,         // tiles of bfloat16 and int8
  // aarch64
  kNeon,         // which every one has: fp32 in tiles of its own
  kNeonDotprod,  // int8 dot products
  kNeonI8mm,     // int8 products of 2 x 8 matrices
  kNeonBf16,     // bfloat16 products of 2 x 4 matrices
};

// "avx512_bf16", the names of NESTVEC_MAX_ISA.
std::string_view isa_name(Isa isa);

// The level of that name on the architecture that this is compiled for. Throws Error
// kInvalidArgument, listing the names.
Isa isa_of(std::string_view name);

// Whether its products take bfloat16 as it is; elsewhere kernels widen it.
bool multiplies_bf16(Isa isa);

// The levels that `cpu` has all of, up to `limit` and the best last. For AMX this asks the kernel
// for leave to use tiles (arch_prctl ARCH_REQ_XCOMP_PERM); where it refuses, AMX is not among them.
std::vector<Isa> available_isas(const CpuFeatures& cpu, std::optional<Isa> limit = std::nullopt);

// The best of them; not bfloat16's dot products where widening is faster, unless they are `limit`.
Isa choose_isa(const CpuFeatures& cpu, std::optional<Isa> limit = std::nullopt);

// The same of this machine, with the limit that the environment variable NESTVEC_MAX_ISA names.
std::vector<Isa> machine_isas();
Isa machine_isa();

}  // namespace nestvec
