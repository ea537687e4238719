// SPDX-License-Identifier: Apache-2.0
#include "compile/score_bias.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

namespace nestvec {
namespace {

// Rows of 2 positions - 1 values, each made of its head and the distance.
template <class Value>
Payload table_of(std::size_t heads, std::size_t positions, const Value& value) {
  const std::size_t distances = 2 * positions - 1;
  const auto fill = [=](std::size_t first, std::span<std::byte> out) {
    const std::size_t rows = out.size() / (distances * sizeof(float));
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < distances; ++i) {
        const auto distance =
            static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(positions - 1);
        const float bias = value(first + row, distance);
        std::memcpy(out.data() + (row * distances + i) * sizeof bias, &bias, sizeof bias);
      }
    }
  };
  return {.shape = {static_cast<std::int64_t>(heads), static_cast<std::int64_t>(distances)},
          .fill = fill,
          .release = {}};
}

}  // namespace

std::vector<float> alibi_slopes(std::size_t heads) {
  const std::size_t power = std::bit_floor(heads);
  const auto slope = [](std::size_t number, std::size_t of) {
    return static_cast<float>(
        std::exp2(-8.0 * static_cast<double>(number) / static_cast<double>(of)));
  };
  std::vector<float> slopes;
  for (std::size_t i = 1; i <= power; ++i) slopes.push_back(slope(i, power));
  for (std::size_t i = 1; slopes.size() < heads; i += 2) slopes.push_back(slope(i, 2 * power));
  return slopes;
}

std::size_t distance_bucket(std::ptrdiff_t distance) {
  constexpr std::size_t kSide = kDistanceBuckets / 2;
  constexpr std::size_t kExact = kSide / 2;
  constexpr double kFarthest = 128.0;
  const std::size_t side = distance > 0 ? kSide : 0;
  const auto apart = static_cast<std::size_t>(std::abs(distance));
  if (apart < kExact) return side + apart;
  // In fp32, as PyTorch computes it: buckets begin at 16, 32 and 64.
  const auto growth = static_cast<float>(std::log(kFarthest / kExact));
  const float share = std::log(static_cast<float>(apart) / static_cast<float>(kExact)) / growth;
  const auto far = static_cast<std::size_t>(share * static_cast<float>(kSide - kExact));
  return side + std::min(kExact + far, kSide - 1);
}

Payload score_bias_table(const EncoderWeights& weights, const ModelSpec& spec,
                         std::size_t positions) {
  if (spec.block.score_bias == ScoreBias::kAlibi) {
    return table_of(spec.heads, positions,
                    [slopes = alibi_slopes(spec.heads)](std::size_t head, std::ptrdiff_t distance) {
                      return -slopes[head] * static_cast<float>(std::abs(distance));
                    });
  }
  std::vector<float> learned(spec.block.score_buckets * spec.heads);
  read_as_float(weights.score_bias, 0, learned);
  return table_of(spec.heads, positions,
                  [learned, heads = spec.heads](std::size_t head, std::ptrdiff_t distance) {
                    return learned[distance_bucket(distance) * heads + head];
                  });
}

}  // namespace nestvec
