// SPDX-License-Identifier: Apache-2.0
#include "ops/isa.h"

#include <algorithm>
#include <array>
#include <string>

#include "nestvec/error.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace nestvec {
namespace {

enum class Architecture { kAny, kX86, kArm };

#if defined(__aarch64__)
constexpr Architecture kThisArchitecture = Architecture::kArm;
#else
constexpr Architecture kThisArchitecture = Architecture::kX86;
#endif

struct Level {
  Isa isa;
  Architecture architecture;
  std::string_view name;
  Isa base;                         // its kernels also use the instructions of this level
  bool (*has)(const CpuFeatures&);  // beside those
  bool bf16 = false;
};

constexpr std::array<Level, 11> kLevels = {{
    {Isa::kGeneric, Architecture::kAny, "generic", Isa::kGeneric,
     [](const CpuFeatures&) { return true; }},
    {Isa::kAvx2, Architecture::kX86, "avx2", Isa::kGeneric,
     [](const CpuFeatures& cpu) { return cpu.avx2; }},
    {Isa::kAvxVnni, Architecture::kX86, "avx_vnni", Isa::kAvx2,
     [](const CpuFeatures& cpu) { return cpu.avx_vnni; }},
    {Isa::kAvx512, Architecture::kX86, "avx512", Isa::kAvx2,
     [](const CpuFeatures& cpu) { return cpu.avx512f; }},
    {Isa::kAvx512Vnni, Architecture::kX86, "avx512_vnni", Isa::kAvx512,
     [](const CpuFeatures& cpu) { return cpu.avx512_vnni; }},
    {Isa::kAvx512Bf16, Architecture::kX86, "avx512_bf16", Isa::kAvx512Vnni,
     [](const CpuFeatures& cpu) { return cpu.avx512_bf16; }, true},
    {Isa::kAmx, Architecture::kX86, "amx", Isa::kAvx512Bf16,
     [](const CpuFeatures& cpu) { return cpu.amx_bf16 && cpu.amx_int8; }, true},
    {Isa::kNeon, Architecture::kArm, "neon", Isa::kGeneric,
     [](const CpuFeatures& cpu) { return cpu.neon; }},
    {Isa::kNeonDotprod, Architecture::kArm, "neon_dotprod", Isa::kNeon,
     [](const CpuFeatures& cpu) { return cpu.neon_dotprod; }},
    {Isa::kNeonI8mm, Architecture::kArm, "neon_i8mm", Isa::kNeonDotprod,
     [](const CpuFeatures& cpu) { return cpu.neon_i8mm; }},
    {Isa::kNeonBf16, Architecture::kArm, "neon_bf16", Isa::kNeonI8mm,
     [](const CpuFeatures& cpu) { return cpu.neon_bf16; }, true},
}};

const Level& level_of(Isa isa) { return kLevels[static_cast<std::size_t>(isa)]; }

bool has_all(const CpuFeatures& cpu, const Level& level) {
  return level.has(cpu) && (level.isa == level.base || has_all(cpu, level_of(level.base)));
}

bool is_within(const Level& level, std::optional<Isa> limit) {
  if (!limit || level.isa == Isa::kGeneric) return true;
  return level.architecture == level_of(*limit).architecture && level.isa <= *limit;
}

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

std::string_view isa_name(Isa isa) { return level_of(isa).name; }

Isa isa_of(std::string_view name) {
  std::string known;
  for (const Level& level : kLevels) {
    if (level.architecture != Architecture::kAny && level.architecture != kThisArchitecture) {
      continue;
    }
    if (level.name == name) return level.isa;
    known += (known.empty() ? "" : ", ") + std::string(level.name);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "unknown instruction set \"" + std::string(name) + "\"; expected one of: " + known);
}

bool multiplies_bf16(Isa isa) { return level_of(isa).bf16; }

std::vector<Isa> available_isas(const CpuFeatures& cpu, std::optional<Isa> limit) {
  std::vector<Isa> all;
  for (const Level& level : kLevels) {
    if (!is_within(level, limit) || !has_all(cpu, level)) continue;
    if (level.isa == Isa::kAmx && !may_use_tiles()) continue;
    all.push_back(level.isa);
  }
  return all;
}

Isa choose_isa(const CpuFeatures& cpu, std::optional<Isa> limit) {
  const Isa best = available_isas(cpu, limit).back();
  const bool slow = best == Isa::kAvx512Bf16 && cpu.avx512_bf16_is_slow && limit != best;
  return slow ? Isa::kAvx512Vnni : best;
}

}  // namespace nestvec
