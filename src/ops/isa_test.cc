// SPDX-License-Identifier: Apache-2.0
// Which instruction set is chosen for which processor.
#include "ops/isa.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// A processor with everything but tiles.
CpuFeatures wide() {
  CpuFeatures cpu;
  cpu.sse4 = cpu.avx2 = cpu.avx512f = cpu.avx512_vnni = cpu.avx512_bf16 = true;
  return cpu;
}

TEST(ChooseIsa, IsTheBestThatTheProcessorHas) {
  CpuFeatures cpu;
  EXPECT_EQ(choose_isa(cpu), Isa::kGeneric);
  cpu.avx2 = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx2);
  cpu.avx512f = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx512);
  cpu.avx512_vnni = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx512Vnni);
  cpu.avx512_bf16 = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx512Bf16);
}

// AVX-VNNI is beside AVX-512, not below it: servers before Sapphire Rapids have the one, desktops
// the other.
TEST(ChooseIsa, VnniOfAvx2IsNotAskedOfAvx512) {
  CpuFeatures cpu;
  cpu.avx2 = cpu.avx_vnni = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvxVnni);
  cpu.avx2 = false;
  EXPECT_EQ(choose_isa(cpu), Isa::kGeneric);
  EXPECT_EQ(available_isas(wide()), (std::vector{Isa::kGeneric, Isa::kAvx2, Isa::kAvx512,
                                                 Isa::kAvx512Vnni, Isa::kAvx512Bf16}));
}

TEST(ChooseIsa, OfArm) {
  CpuFeatures cpu;
  cpu.neon = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kNeon);
  cpu.neon_dotprod = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kNeonDotprod);
  cpu.neon_bf16 = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kNeonDotprod) << "int8 would have no matrices";
  cpu.neon_i8mm = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kNeonBf16);
  EXPECT_EQ(choose_isa(cpu, Isa::kNeonI8mm), Isa::kNeonI8mm);
  EXPECT_EQ(choose_isa(cpu, Isa::kGeneric), Isa::kGeneric);
  EXPECT_EQ(choose_isa(cpu, Isa::kAmx), Isa::kGeneric) << "a limit of another architecture";
  EXPECT_EQ(choose_isa(wide(), Isa::kNeonBf16), Isa::kGeneric);
}

// Kernels of a level use the instructions of all levels before it.
TEST(ChooseIsa, NeedsEveryLevelBelow) {
  CpuFeatures cpu = wide();
  cpu.avx512_vnni = false;
  cpu.amx_bf16 = cpu.amx_int8 = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx512);
  cpu.avx2 = false;
  EXPECT_EQ(choose_isa(cpu), Isa::kGeneric);
}

TEST(ChooseIsa, HoldsTheLimit) {
  EXPECT_EQ(choose_isa(wide(), Isa::kAvx512), Isa::kAvx512);
  EXPECT_EQ(choose_isa(wide(), Isa::kGeneric), Isa::kGeneric);
  EXPECT_EQ(choose_isa(CpuFeatures{}, Isa::kAvx2), Isa::kGeneric);
}

TEST(ChooseIsa, TilesNeedBothTypesAndLeave) {
  CpuFeatures cpu = wide();
  cpu.amx_bf16 = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx512Bf16) << "int8 would have no tiles";
  cpu.amx_int8 = true;
  // Where the processor has no tiles the system refuses the leave; where it has, it may.
  if (detect_cpu().amx_int8) {
    EXPECT_GE(choose_isa(cpu), Isa::kAvx512Bf16);
  } else {
    EXPECT_EQ(choose_isa(cpu), Isa::kAvx512Bf16);
  }
  EXPECT_EQ(choose_isa(cpu, Isa::kAvx512Bf16), Isa::kAvx512Bf16);
}

TEST(ChooseIsa, SlowProductsOfBf16AreForWhoAsksForThem) {
  CpuFeatures cpu = wide();
  cpu.avx512_bf16_is_slow = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx512Vnni);
  EXPECT_EQ(choose_isa(cpu, Isa::kAvx512Bf16), Isa::kAvx512Bf16);
  EXPECT_EQ(choose_isa(cpu, Isa::kAvx512), Isa::kAvx512);
  EXPECT_EQ(available_isas(cpu).back(), Isa::kAvx512Bf16) << "its kernels are tested, too";
  if (detect_cpu().amx_int8) return;
  cpu.amx_bf16 = cpu.amx_int8 = true;
  EXPECT_EQ(choose_isa(cpu), Isa::kAvx512Vnni) << "tiles that the system refuses";
}

TEST(Isa, Bf16IsMultipliedWhereThereAreInstructions) {
  for (const Isa isa : {Isa::kAvx512Bf16, Isa::kAmx, Isa::kNeonBf16}) {
    EXPECT_TRUE(multiplies_bf16(isa)) << isa_name(isa);
  }
  for (const Isa isa : {Isa::kGeneric, Isa::kAvxVnni, Isa::kAvx512Vnni, Isa::kNeonI8mm}) {
    EXPECT_FALSE(multiplies_bf16(isa)) << isa_name(isa);
  }
}

TEST(Isa, NamesGoBothWays) {
  for (const Isa isa : machine_isas()) EXPECT_EQ(isa_of(isa_name(isa)), isa);
}

TEST(Isa, OtherNamesAreRefusedWithTheListOfThisArchitecture) {
#if defined(__aarch64__)
  const std::string known = "generic, neon, neon_dotprod, neon_i8mm, neon_bf16";
  const std::string foreign = "avx2";
#else
  const std::string known = "generic, avx2, avx_vnni, avx512, avx512_vnni, avx512_bf16, amx";
  const std::string foreign = "neon";
#endif
  for (const std::string& name : {std::string("AVX9"), foreign}) {
    try {
      isa_of(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_TRUE(std::string(error.what()).ends_with(": " + known)) << error.what();
    }
  }
}

}  // namespace
}  // namespace nestvec
