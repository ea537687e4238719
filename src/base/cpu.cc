// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace nestvec {
namespace {

constexpr std::uint64_t kXcr0Avx = 0x6;      // XMM, YMM
constexpr std::uint64_t kXcr0Avx512 = 0xE6;  // and opmask, upper ZMM, ZMM16-31
constexpr std::uint64_t kXcr0Amx = 0x60000;  // tile configuration and data
constexpr std::uint32_t kExtended = 0x80000000;
constexpr std::uint32_t kBrandLeaf = 0x80000002;

bool bit(std::uint32_t value, unsigned index) { return ((value >> index) & 1u) != 0; }
bool all(std::uint64_t value, std::uint64_t mask) { return (value & mask) == mask; }

// The 48 characters of three leaves, without the spaces that pad them.
std::string read_brand(const CpuidSource& source) {
  if (source.cpuid(kExtended, 0).eax < kBrandLeaf + 2) return "";
  std::array<char, 48> text{};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const CpuidRegisters r = source.cpuid(kBrandLeaf + i, 0);
    const std::array<std::uint32_t, 4> words = {r.eax, r.ebx, r.ecx, r.edx};
    std::memcpy(text.data() + 16 * i, words.data(), 16);
  }
  std::string name;
  for (const char c : text) {
    if (c == '\0') break;
    if (c < ' ' || c > '~' || (c == ' ' && (name.empty() || name.back() == ' '))) continue;
    name.push_back(c);
  }
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return name;
}

}  // namespace

std::string CpuFeatures::best_isa() const {
  if (amx_bf16) return "amx_bf16";
  if (amx_int8) return "amx_int8";
  if (avx512_bf16) return "avx512_bf16";
  if (avx512_vnni) return "avx512_vnni";
  if (avx512f) return "avx512f";
  if (avx_vnni) return "avx_vnni";
  if (avx2) return "avx2";
  if (sse4) return "sse4";
  if (neon_bf16) return "neon_bf16";
  if (neon_i8mm) return "neon_i8mm";
  if (neon_dotprod) return "neon_dotprod";
  if (neon) return "neon";
  return "generic";
}

// Bits: Intel SDM volume 2A, CPUID.
CpuFeatures detect_cpu(const CpuidSource& source) {
  CpuFeatures cpu;
  const CpuidRegisters zero = source.cpuid(0, 0);
  const std::uint32_t last = zero.eax;
  if (last < 1) return cpu;
  const bool is_intel = zero.ebx == 0x756e6547;  // "Genu"
  cpu.model_name = read_brand(source);
  const CpuidRegisters one = source.cpuid(1, 0);
  cpu.sse4 = bit(one.ecx, 19);
  const std::uint64_t saved = bit(one.ecx, 27) ? source.xcr0() : 0;  // OSXSAVE
  if (last < 7 || !all(saved, kXcr0Avx)) return cpu;
  const CpuidRegisters seven = source.cpuid(7, 0);
  const CpuidRegisters seven_one = seven.eax >= 1 ? source.cpuid(7, 1) : CpuidRegisters{};
  cpu.avx2 = bit(seven.ebx, 5) && bit(one.ecx, 28) && bit(one.ecx, 12);
  cpu.avx_vnni = cpu.avx2 && bit(seven_one.eax, 4);
  const bool foundation =
      bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
  cpu.avx512f = foundation && all(saved, kXcr0Avx512);
  cpu.avx512_vnni = cpu.avx512f && bit(seven.ecx, 11);
  cpu.avx512_bf16 = cpu.avx512f && bit(seven_one.eax, 5);
  // Intel's since Sapphire Rapids, which AVX512-FP16 tells: bf16 is for their tiles.
  cpu.avx512_bf16_is_slow = cpu.avx512_bf16 && is_intel && bit(seven.edx, 23);
  const bool tiles = bit(seven.edx, 24) && all(saved, kXcr0Amx);
  cpu.amx_bf16 = tiles && bit(seven.edx, 22);
  cpu.amx_int8 = tiles && bit(seven.edx, 25);
  return cpu;
}

#if defined(__x86_64__) || defined(__i386__)

namespace {

CpuidRegisters hardware_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidRegisters r;
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
  return r;
}

std::uint64_t hardware_xcr0() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

}  // namespace

CpuFeatures detect_cpu() { return detect_cpu({hardware_cpuid, hardware_xcr0}); }

#elif !defined(__aarch64__)  // cpu_arm.cc

CpuFeatures detect_cpu() { return {}; }

#endif

std::string best_isa() { return detect_cpu().best_isa(); }

}  // namespace nestvec
