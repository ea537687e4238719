// SPDX-License-Identifier: Apache-2.0
#include "ops/pool.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace nestvec {
namespace {

// row[k] = scale * sum of weight(i) * tokens[i * width + k], in double.
template <typename Weight>
void weighted_sum(std::span<const float> tokens, std::span<float> row, double scale,
                  const Weight& weight) {
  constexpr std::size_t kBlock = 64;  // columns at a time, so that the sums stay in L1
  const std::size_t width = row.size();
  const std::size_t count = width == 0 ? 0 : tokens.size() / width;
  for (std::size_t start = 0; start < width; start += kBlock) {
    const std::size_t columns = std::min(kBlock, width - start);
    std::array<double, kBlock> sums{};
    for (std::size_t i = 0; i < count; ++i) {
      const float* token = tokens.data() + i * width + start;
      for (std::size_t k = 0; k < columns; ++k) sums[k] += weight(i, token[k]);
    }
    for (std::size_t k = 0; k < columns; ++k) row[start + k] = static_cast<float>(sums[k] * scale);
  }
}

double plain(std::size_t, float value) { return static_cast<double>(value); }

void pool_max(std::span<const float> tokens, std::span<float> row) {
  const std::size_t width = row.size();
  std::fill(row.begin(), row.end(), 0.0f);
  if (tokens.size() < width) return;
  std::copy_n(tokens.begin(), width, row.begin());
  for (std::size_t i = width; i < tokens.size(); i += width) {
    // A value that is not a number stays one, so that the row is found out.
    for (std::size_t k = 0; k < width; ++k) {
      const float value = tokens[i + k];
      if (value > row[k] || std::isnan(value)) row[k] = value;
    }
  }
}

}  // namespace

void pool_mean(std::span<const float> tokens, std::span<float> row) {
  const std::size_t count = row.empty() ? 0 : tokens.size() / row.size();
  weighted_sum(tokens, row, count == 0 ? 0.0 : 1.0 / static_cast<double>(count), plain);
}

double pool_weight(PoolKind kind, std::size_t tokens, std::size_t place) {
  const auto count = static_cast<double>(tokens);
  if (kind == PoolKind::kMeanSqrtLength) return std::sqrt(count);
  if (kind != PoolKind::kWeightedMean) return count;
  return count * static_cast<double>(place + 1) + count * (count - 1) / 2;
}

void pool(PoolKind kind, std::span<const float> tokens, std::size_t place, std::span<float> row) {
  if (kind == PoolKind::kMean) return pool_mean(tokens, row);
  if (kind == PoolKind::kMax) return pool_max(tokens, row);
  const std::size_t count = row.empty() ? 0 : tokens.size() / row.size();
  const double weight = pool_weight(kind, count, place);
  const double scale = count == 0 ? 0.0 : 1.0 / weight;
  if (kind == PoolKind::kMeanSqrtLength) return weighted_sum(tokens, row, scale, plain);
  weighted_sum(tokens, row, scale, [place](std::size_t i, float value) {
    return static_cast<double>(place + 1 + i) * static_cast<double>(value);
  });
}

}  // namespace nestvec
