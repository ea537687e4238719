// SPDX-License-Identifier: Apache-2.0
#include "ops/isa.h"

#include <array>
#include <string>

#include "nestvec/error.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace nestvec {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"generic",     "avx2",        "avx512",
                                                    "avx512_vnni", "avx512_bf16", "amx"};

// Linux grants the 8 KiB of tile state only to processes that ask (Documentation/arch/x86/xstate).
bool may_use_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

std::string_view isa_name(Isa isa) { return kNames[static_cast<std::size_t>(isa)]; }

Isa isa_of(std::string_view name) {
  std::string known;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Isa>(i);
    known += (i == 0 ? "" : ", ") + std::string(kNames[i]);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "unknown instruction set \"" + std::string(name) + "\"; expected one of: " + known);
}

Isa choose_isa(const CpuFeatures& cpu, Isa limit) {
  const std::array<bool, 6> has = {
      true, cpu.avx2, cpu.avx512f, cpu.avx512_vnni, cpu.avx512_bf16, cpu.amx_bf16 && cpu.amx_int8};
  Isa best = Isa::kGeneric;
  for (std::size_t i = 1; i < has.size() && has[i] && static_cast<Isa>(i) <= limit; ++i) {
    best = static_cast<Isa>(i);
  }
  if (best == Isa::kAmx && !may_use_tiles()) best = Isa::kAvx512Bf16;
  return best;
}

}  // namespace nestvec
