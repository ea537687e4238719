// SPDX-License-Identifier: Apache-2.0
// The matrix products of jina-embeddings-v3's encoder, for programs that measure them.
#pragma once

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

namespace nestvec {

inline constexpr std::size_t kEncoderLayers = 24;

struct ProductShape {
  std::size_t outputs;
  std::size_t inputs;
};

// Of each layer: query, key and value; attention's output; the two of the feed-forward network.
inline constexpr std::array<ProductShape, 4> kLayerProducts = {
    {{3072, 1024}, {1024, 1024}, {4096, 1024}, {1024, 4096}}};
inline constexpr std::size_t kLayerWeights = 3072 * 1024 + 1024 * 1024 + 2 * 4096 * 1024;
inline constexpr std::size_t kMaxWidth = 4096;

// Memory aligned to cache lines.
class Lines {
 public:
  Lines() = default;
  explicit Lines(std::size_t bytes) : lines_((bytes + sizeof(Line) - 1) / sizeof(Line)) {}
  std::byte* data() { return reinterpret_cast<std::byte*>(lines_.data()); }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(lines_.data()); }
  std::size_t size() const { return lines_.size() * sizeof(Line); }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines_;
};

// Random elements; fp32 and bfloat16 (uint16_t) have magnitudes of [0.5, 1): denormal numbers would
// be measured instead.
template <class T>
Lines random_elements(std::size_t count) {
  static constexpr std::size_t kPattern = 1 << 18;
  static const std::vector<T> kElements = [] {
    std::mt19937 random(1);
    std::vector<T> values(kPattern);
    for (T& x : values) {
      const auto bits = static_cast<std::uint32_t>(random());
      const std::uint32_t number = (bits & 0x807fffff) | 0x3f000000;
      if constexpr (sizeof(T) == 4) std::memcpy(&x, &number, sizeof x);
      if constexpr (sizeof(T) == 2) x = static_cast<T>(number >> 16);
      if constexpr (sizeof(T) == 1) x = static_cast<T>(bits);
    }
    return values;
  }();
  Lines lines(count * sizeof(T));
  for (std::size_t begin = 0; begin < count; begin += kPattern) {
    const std::size_t length = count - begin < kPattern ? count - begin : kPattern;
    std::memcpy(lines.data() + begin * sizeof(T), kElements.data(), length * sizeof(T));
  }
  return lines;
}

// items_per_second is tokens through the whole encoder.
inline void report_encoder(benchmark::State& state, std::size_t rows) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
  const double operations = 2.0 * static_cast<double>(rows * kLayerWeights * kEncoderLayers);
  state.counters["operations"] = benchmark::Counter(
      operations, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

}  // namespace nestvec
