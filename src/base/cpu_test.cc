// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace nestvec {
namespace {

// A processor as a table of leaves. Leaf 1 has OSXSAVE, AVX, FMA and SSE4.1.
struct FakeCpu {
  std::map<std::pair<std::uint32_t, std::uint32_t>, CpuidRegisters> leaves = {
      {{0, 0}, {7, 0, 0, 0}},
      {{1, 0}, {0, 0, (1u << 27) | (1u << 28) | (1u << 12) | (1u << 19), 0}},
      {{7, 0}, {1, 1u << 5, 0, 0}},
  };
  std::uint64_t xcr0 = 0x6;

  void add_avx512() {
    leaves[{7, 0}].ebx |= (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);
    xcr0 |= 0xE0;
  }
  void set_brand(const std::string& text) {
    leaves[{0x80000000u, 0}].eax = 0x80000004u;
    std::string padded = text;
    padded.resize(48, '\0');
    for (std::uint32_t i = 0; i < 3; ++i) {
      std::memcpy(&leaves[{0x80000002u + i, 0}], padded.data() + 16 * i, 16);
    }
  }
  CpuFeatures detect() {
    return detect_cpu(
        {[this](std::uint32_t leaf, std::uint32_t subleaf) { return leaves[{leaf, subleaf}]; },
         [this] { return xcr0; }});
  }
};

TEST(Cpu, NamesTheBestInstructionSet) {
  FakeCpu cpu;
  EXPECT_EQ(cpu.detect().best_isa(), "avx2");
  cpu.leaves[{7, 1}].eax |= 1u << 4;
  EXPECT_EQ(cpu.detect().best_isa(), "avx_vnni");
  cpu.add_avx512();
  EXPECT_EQ(cpu.detect().best_isa(), "avx512f");
  cpu.leaves[{7, 0}].ecx |= 1u << 11;
  EXPECT_EQ(cpu.detect().best_isa(), "avx512_vnni");
  cpu.leaves[{7, 1}].eax |= 1u << 5;
  EXPECT_EQ(cpu.detect().best_isa(), "avx512_bf16");
  cpu.leaves[{7, 0}].edx |= (1u << 22) | (1u << 24) | (1u << 25);
  EXPECT_EQ(cpu.detect().best_isa(), "avx512_bf16") << "tiles that the system does not save";
  cpu.xcr0 |= 0x60000;
  EXPECT_EQ(cpu.detect().best_isa(), "amx_bf16");
  EXPECT_TRUE(cpu.detect().amx_int8);
}

TEST(Cpu, KnowsWhoseProductsOfBf16AreSlow) {
  FakeCpu cpu;
  cpu.add_avx512();
  cpu.leaves[{7, 1}].eax |= 1u << 5;
  cpu.leaves[{7, 0}].edx |= 1u << 23;  // AVX512-FP16
  EXPECT_FALSE(cpu.detect().avx512_bf16_is_slow) << "another maker's";
  const char intel[] = "GenuineIntel";  // in ebx, edx, ecx
  std::memcpy(&cpu.leaves[{0, 0}].ebx, intel, 4);
  EXPECT_TRUE(cpu.detect().avx512_bf16_is_slow);
  cpu.leaves[{7, 0}].edx = 0;
  EXPECT_FALSE(cpu.detect().avx512_bf16_is_slow) << "Cooper Lake";
}

TEST(Cpu, NeedsTheSystemToSaveRegisters) {
  FakeCpu cpu;
  cpu.add_avx512();
  cpu.xcr0 = 0x6;
  EXPECT_EQ(cpu.detect().best_isa(), "avx2");
  cpu.xcr0 = 0x2;
  EXPECT_EQ(cpu.detect().best_isa(), "sse4");
  cpu.xcr0 = 0xE6;
  cpu.leaves[{1, 0}].ecx &= ~(1u << 27);
  EXPECT_EQ(cpu.detect().best_isa(), "sse4") << "without OSXSAVE, xgetbv must not be believed";
  cpu.leaves[{1, 0}].ecx = 0;
  EXPECT_EQ(cpu.detect().best_isa(), "generic");
  cpu.leaves[{0, 0}].eax = 0;
  EXPECT_EQ(cpu.detect().best_isa(), "generic");
}

TEST(Cpu, ReadsTheBrandWithoutItsPadding) {
  FakeCpu cpu;
  EXPECT_EQ(cpu.detect().model_name, "");
  cpu.set_brand("   Intel(R)  Xeon(R) Processor          ");
  EXPECT_EQ(cpu.detect().model_name, "Intel(R) Xeon(R) Processor");
}

TEST(Cpu, ReadsWhatTheSystemSaysOfArm) {
  EXPECT_EQ(detect_arm(0, ~std::uint64_t{0}).best_isa(), "generic") << "nothing without NEON";
  std::uint64_t hwcap = 1u << 1;
  EXPECT_EQ(detect_arm(hwcap, 0).best_isa(), "neon");
  hwcap |= 1u << 20;
  EXPECT_EQ(detect_arm(hwcap, 0).best_isa(), "neon_dotprod");
  EXPECT_EQ(detect_arm(hwcap, 1u << 13).best_isa(), "neon_i8mm");
  const CpuFeatures cpu = detect_arm(hwcap, (1u << 13) | (1u << 14));
  EXPECT_EQ(cpu.best_isa(), "neon_bf16");
  EXPECT_TRUE(cpu.neon && cpu.neon_dotprod && cpu.neon_i8mm);
}

// The kernel's own list is an independent truth for the machine that runs the test.
TEST(Cpu, AgreesWithProcCpuinfo) {
#if defined(__aarch64__)
  const std::string word = "Features";
#else
  const std::string word = "flags";
#endif
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(word)) {
      flags = line + " ";
      break;
    }
  }
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo has no " << word;
  const auto has = [&flags](const std::string& name) {
    return flags.find(" " + name + " ") != std::string::npos;
  };
  const CpuFeatures cpu = detect_cpu();
  EXPECT_EQ(cpu.sse4, has("sse4_1"));
  EXPECT_EQ(cpu.avx2, has("avx2") && has("fma"));
  EXPECT_EQ(cpu.avx_vnni, has("avx_vnni"));
  EXPECT_EQ(cpu.avx512f, has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl"));
  EXPECT_EQ(cpu.avx512_vnni, has("avx512_vnni"));
  EXPECT_EQ(cpu.avx512_bf16, has("avx512_bf16"));
  EXPECT_EQ(cpu.amx_bf16, has("amx_bf16"));
  EXPECT_EQ(cpu.neon, has("asimd"));
  EXPECT_EQ(cpu.neon_dotprod, has("asimddp"));
  EXPECT_EQ(cpu.neon_i8mm, has("i8mm"));
  EXPECT_EQ(cpu.neon_bf16, has("bf16"));
  EXPECT_EQ(best_isa(), cpu.best_isa());
}

}  // namespace
}  // namespace nestvec
