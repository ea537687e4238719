// SPDX-License-Identifier: Apache-2.0
// What an aarch64 processor can do, as the system reports it: reading the registers that say so is
// the system's privilege.
#include "base/cpu.h"

#if defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace nestvec {

// Bits: Linux, arch/arm64/include/uapi/asm/hwcap.h.
CpuFeatures detect_arm(std::uint64_t hwcap, std::uint64_t hwcap2) {
  const auto bit = [](std::uint64_t value, unsigned index) { return ((value >> index) & 1u) != 0; };
  CpuFeatures cpu;
  cpu.neon = bit(hwcap, 1);
  cpu.neon_dotprod = cpu.neon && bit(hwcap, 20);
  cpu.neon_i8mm = cpu.neon && bit(hwcap2, 13);
  cpu.neon_bf16 = cpu.neon && bit(hwcap2, 14);
  return cpu;
}

#if defined(__aarch64__) && defined(__APPLE__)

namespace {

bool has(const char* feature) {
  int value = 0;
  std::size_t size = sizeof value;
  return sysctlbyname(feature, &value, &size, nullptr, 0) == 0 && value != 0;
}

}  // namespace

CpuFeatures detect_cpu() {
  CpuFeatures cpu;
  cpu.neon = true;
  cpu.neon_dotprod = has("hw.optional.arm.FEAT_DotProd");
  cpu.neon_i8mm = has("hw.optional.arm.FEAT_I8MM");
  cpu.neon_bf16 = has("hw.optional.arm.FEAT_BF16");
  char name[128] = {};
  std::size_t size = sizeof name - 1;
  if (sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0) == 0) cpu.model_name = name;
  return cpu;
}

#elif defined(__aarch64__) && defined(__linux__)

CpuFeatures detect_cpu() { return detect_arm(getauxval(AT_HWCAP), getauxval(AT_HWCAP2)); }

#elif defined(__aarch64__)

CpuFeatures detect_cpu() { return {}; }

#endif

}  // namespace nestvec
