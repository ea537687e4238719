// SPDX-License-Identifier: Apache-2.0
// Which instruction set is chosen for which processor.
#include "ops/isa.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(Isa, NamesGoBothWays) {
  for (int i = 0; i <= static_cast<int>(Isa::kAmx); ++i) {
    const auto isa = static_cast<Isa>(i);
    EXPECT_EQ(isa_of(isa_name(isa)), isa);
  }
  try {
    isa_of("AVX2");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("avx512_vnni"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace nestvec
