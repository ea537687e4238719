// SPDX-License-Identifier: Apache-2.0
// The stand-ins themselves: rounding, denormals and refusals as Intel's manuals state them; and,
// on machines that have the instructions, that both give the same bits.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "emulation/emulated_kernels.h"
#include "emulation/tile_unit.h"

namespace nestvec {
namespace {

using emulation::TileUnit;

std::uint16_t bf16(float x) {  // exact ones only
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);
}

// A configuration in palette 1 with that many rows of that many bytes.
struct Config {
  std::array<std::uint8_t, 64> bytes = {1};
  Config& tile(std::size_t index, std::size_t rows, std::size_t row_bytes) {
    bytes[16 + 2 * index] = static_cast<std::uint8_t>(row_bytes);
    bytes[48 + index] = static_cast<std::uint8_t>(rows);
    return *this;
  }
};

TileUnit configured(const Config& config) {
  TileUnit unit;
  unit.configure(config.bytes.data());
  return unit;
}

// 3 rows of sums by 2 columns, k of 1 step.
Config small() { return Config().tile(0, 3, 8).tile(1, 3, 4).tile(2, 1, 8); }

TEST(TileUnit, MultipliesAndLeavesWhatLiesOutside) {
  TileUnit unit = configured(small());
  std::array<std::uint16_t, 6> a{};
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = bf16(static_cast<float>(i + 1));
  const std::array<std::uint16_t, 4> b = {bf16(1), bf16(10), bf16(2), bf16(-1)};
  std::array<float, 12> c;
  c.fill(0.5f);
  unit.load(0, c.data(), 16);
  unit.load(1, a.data(), 4);
  unit.load(2, b.data(), 8);
  unit.add_bf16(0, 1, 2);
  unit.store(0, c.data(), 16);
  for (std::size_t r = 0; r < 3; ++r) {
    const auto low = static_cast<float>(2 * r + 1);
    EXPECT_EQ(c[4 * r], 0.5f + low + 10 * (low + 1));
    EXPECT_EQ(c[4 * r + 1], 0.5f + 2 * low - (low + 1));
    EXPECT_EQ(c[4 * r + 2], 0.5f);
  }
}

TEST(TileUnit, BytesAreUnsignedTimesSignedWithoutSaturation) {
  TileUnit unit = configured(small());
  const std::array<std::uint8_t, 12> a = {255, 255, 255, 255, 1, 2, 3, 4, 0, 128, 0, 0};
  const std::array<std::int8_t, 8> b = {127, 127, 127, 127, -128, -128, -1, 1};
  std::array<std::int32_t, 6> c{};
  c[1] = 7;
  unit.load(0, c.data(), 8);
  unit.load(1, a.data(), 4);
  unit.load(2, b.data(), 8);
  unit.add_bytes(0, 1, 2);
  unit.store(0, c.data(), 8);
  EXPECT_EQ(c[0], 4 * 255 * 127);
  EXPECT_EQ(c[1], 7 - 2 * 255 * 128);
  EXPECT_EQ(c[2], 10 * 127);
  EXPECT_EQ(c[3], -3 * 128 + 1);
  EXPECT_EQ(c[5], -128 * 128);
}

TEST(TileUnit, DenormalsAreZeros) {
  TileUnit unit = configured(small());
  const float denormal = std::bit_cast<float>(0x00400000u);  // as bfloat16 0x0040
  std::array<float, 6> c{};
  c.fill(denormal);
  const std::array<std::uint16_t, 6> a = {bf16(denormal), 0, bf16(0x1p-100f), 0, bf16(1), 0};
  const std::array<std::uint16_t, 4> b = {bf16(0x1p100f), 0, bf16(0x1p-40f), 0};
  unit.load(0, c.data(), 8);
  unit.load(1, a.data(), 4);
  unit.load(2, b.data(), 8);
  unit.add_bf16(0, 1, 2);
  unit.store(0, c.data(), 8);
  EXPECT_EQ(c, (std::array<float, 6>{0, 0, 1, 0, 0x1p100f, 0x1p-40f}));
}

TEST(TileUnit, EvenAndOddInputsAreSummedApart) {
  TileUnit unit = configured(Config().tile(0, 1, 4).tile(1, 1, 8).tile(2, 2, 4));
  // Of even inputs 2^24 + 1, which rounds to 2^24, then odd ones -2^24.
  const std::array<std::uint16_t, 4> a = {bf16(0x1p24f), bf16(-0x1p24f), bf16(1), bf16(0)};
  const std::array<std::uint16_t, 4> b = {bf16(1), bf16(1), bf16(1), bf16(1)};
  float c = 0.25f;
  unit.load(0, &c, 4);
  unit.load(1, a.data(), 8);
  unit.load(2, b.data(), 4);
  unit.add_bf16(0, 1, 2);
  unit.store(0, &c, 4);
  EXPECT_EQ(c, 0.25f);
}

TEST(TileUnitDeathTest, RefusesWhatAProcessorRefuses) {
  std::array<std::uint8_t, 1024> memory{};
  const auto configure = [](Config config) { configured(config); };
  EXPECT_DEATH(TileUnit().load(0, memory.data(), 64), "tileloadd: tiles are not configured");
  EXPECT_DEATH(TileUnit().zero(0), "tilezero: tiles are not configured");
  EXPECT_DEATH(configured(small()).load(3, memory.data(), 64), "this tile is not configured");
  EXPECT_DEATH(configured(small()).store(8, memory.data(), 64), "tilestored: no such tile");
  EXPECT_DEATH(configure(Config().tile(0, 17, 64)), "ldtilecfg: more than 16 rows");
  EXPECT_DEATH(configure(Config().tile(0, 16, 68)), "more than 64 bytes a row");
  EXPECT_DEATH(configure(Config().tile(0, 16, 0)), "rows without bytes");
  EXPECT_DEATH(configure(Config().tile(0, 0, 64)), "rows without bytes");
  EXPECT_DEATH(configure(Config().tile(8, 0, 64)), "reserved bytes");
  Config palette;
  palette.bytes[0] = 2;
  EXPECT_DEATH(configure(palette), "unknown palette");
  EXPECT_DEATH(configured(small()).add_bf16(0, 0, 2), "operands share a tile");
  EXPECT_DEATH(configured(small()).add_bf16(0, 2, 1), "rows of the sums and of a differ");
  EXPECT_DEATH(configured(small().tile(2, 2, 8)).add_bf16(0, 1, 2), "columns of a, rows of b");
  EXPECT_DEATH(configured(small().tile(2, 1, 12)).add_bytes(0, 1, 2), "columns of the sums");
  EXPECT_DEATH(configured(small().tile(1, 3, 6)).add_bytes(0, 1, 2), "groups of 4 bytes");
}

TEST(TileUnit, ReleasesWhatIsConfigured) {
  TileUnit unit = configured(small());
  EXPECT_TRUE(unit.configured());
  unit.release();
  EXPECT_FALSE(unit.configured());
  unit = configured(small());
  unit.configure(std::array<std::uint8_t, 64>{}.data());  // palette 0
  EXPECT_FALSE(unit.configured());
}

// A product of one row and k inputs whose weights are those of the first column.
float bf16_product(const Kernels& k, const std::vector<float>& a, const std::vector<float>& w) {
  constexpr std::size_t kInputs = 32;
  std::vector<std::uint16_t> row(kInputs);
  std::vector<std::uint16_t> panel(kInputs * kPanel);
  for (std::size_t i = 0; i < a.size(); ++i) {
    row[i] = bf16(a[i]);
    panel[i / 2 * 2 * kPanel + i % 2] = bf16(w[i]);
  }
  std::array<float, kPanel> c{};
  k.gemm_bf16({row.data(), kInputs, 1, panel.data(), kInputs, c.data()});
  return c[0];
}

TEST(EmulatedKernels, Bf16ProductsRoundOneByOneTheUpperFirst) {
  const Kernels& k = emulated_kernels(Isa::kAvx512Bf16);
  // 1, 2^24 + 1 to even, 0, 1; the lower first would lose the last one.
  EXPECT_EQ(bf16_product(k, {0x1p24f, 1, 1, -0x1p24f}, {1, 1, 1, 1}), 1.0f);
  const float denormal = std::bit_cast<float>(0x00400000u);
  EXPECT_EQ(bf16_product(k, {denormal, 2}, {0x1p100f, 3}), 6.0f);
  EXPECT_EQ(bf16_product(k, {0x1p-100f}, {0x1p-40f}), 0.0f);
}

TEST(EmulatedKernels, ReleaseTheirTiles) {
  EXPECT_EQ(bf16_product(emulated_kernels(Isa::kAmx), {3, 4}, {1, 2}), 11.0f);
  EXPECT_FALSE(emulation::thread_tiles().configured());
}

// The instruction sets that this machine has and that are emulated.
std::vector<Isa> both() {
  std::vector<Isa> all = available_isas(detect_cpu());
  std::erase_if(all, [](Isa isa) { return isa == Isa::kGeneric || isa == Isa::kAvx2; });
  return all;
}

template <class T>
std::vector<T> random_values(std::size_t count, std::mt19937& random) {
  std::vector<T> values(count);
  std::normal_distribution<float> normal;
  for (T& x : values) {
    const auto bits = std::bit_cast<std::uint32_t>(normal(random));
    if constexpr (sizeof(T) == 1) x = static_cast<T>(bits);
    if constexpr (sizeof(T) == 2) x = static_cast<T>(bits >> 16);
    if constexpr (sizeof(T) == 4) x = std::bit_cast<T>(bits);
  }
  return values;
}

template <class A, class W, class C>
void expect_same_bits(void (*machine)(const PanelProduct<A, W, C>&),
                      void (*emulated)(const PanelProduct<A, W, C>&), std::mt19937& random) {
  for (std::size_t rows = 1; rows <= 40; ++rows) {
    const std::size_t k = 64 * (1 + random() % 8);
    const std::vector<A> a = random_values<A>(rows * k, random);
    const std::vector<W> panel = random_values<W>(k * kPanel, random);
    std::vector<C> c(rows * kPanel);
    std::vector<C> expected(rows * kPanel);
    for (const bool adds : {false, true}) {
      machine({a.data(), k, rows, panel.data(), k, c.data(), adds});
      emulated({a.data(), k, rows, panel.data(), k, expected.data(), adds});
    }
    ASSERT_EQ(std::memcmp(c.data(), expected.data(), c.size() * sizeof(C)), 0)
        << rows << " rows, k " << k;
  }
}

// Random bytes, with scales that are numbers.
template <class A>
void expect_same_w8_bits(void (*machine)(const PanelProduct<A, std::uint8_t, float>&),
                         void (*emulated)(const PanelProduct<A, std::uint8_t, float>&),
                         std::mt19937& random) {
  for (std::size_t rows = 1; rows <= 40; ++rows) {
    const std::size_t k = 64 * (1 + random() % 24);
    const std::vector<A> a = random_values<A>(rows * k, random);
    std::vector<std::uint8_t> panel = random_values<std::uint8_t>(k / 32 * kW8GroupBytes, random);
    for (std::size_t group = 0; group < panel.size(); group += kW8GroupBytes) {
      const auto scales = random_values<std::uint16_t>(kPanel, random);
      std::memcpy(panel.data() + group, scales.data(), 2 * kPanel);
    }
    std::vector<float> c(rows * kPanel);
    std::vector<float> expected(rows * kPanel);
    machine({a.data(), k, rows, panel.data(), k, c.data()});
    emulated({a.data(), k, rows, panel.data(), k, expected.data()});
    ASSERT_EQ(std::memcmp(c.data(), expected.data(), c.size() * sizeof(float)), 0)
        << rows << " rows, k " << k;
  }
}

TEST(EmulatedKernels, GiveTheBitsOfTheMachine) {
  if (both().empty()) GTEST_SKIP() << "this machine has nothing that is emulated";
  std::mt19937 random(4);
  for (const Isa isa : both()) {
    SCOPED_TRACE(std::string(isa_name(isa)));
    const Kernels& machine = kernels(isa);
    const Kernels& emulated = emulated_kernels(isa);
    expect_same_bits(machine.gemm_f32, emulated.gemm_f32, random);
    expect_same_bits(machine.gemm_bf16, emulated.gemm_bf16, random);
    expect_same_bits(machine.gemm_f32_bf16, emulated.gemm_f32_bf16, random);
    expect_same_bits(machine.gemm_s8, emulated.gemm_s8, random);
    expect_same_w8_bits(machine.gemm_f32_w8, emulated.gemm_f32_w8, random);
    expect_same_w8_bits(machine.gemm_bf16_w8, emulated.gemm_bf16_w8, random);
  }
}

}  // namespace
}  // namespace nestvec
