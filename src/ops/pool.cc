// SPDX-License-Identifier: Apache-2.0
#include "ops/pool.h"

#include <algorithm>
#include <array>

namespace nestvec {

void pool_mean(std::span<const float> tokens, std::span<float> row) {
  constexpr std::size_t kBlock = 64;  // columns at a time, so that the sums stay in L1
  const std::size_t width = row.size();
  const std::size_t count = width == 0 ? 0 : tokens.size() / width;
  const double scale = count == 0 ? 0.0 : 1.0 / static_cast<double>(count);
  for (std::size_t start = 0; start < width; start += kBlock) {
    const std::size_t columns = std::min(kBlock, width - start);
    std::array<double, kBlock> sums{};
    for (std::size_t i = 0; i < count; ++i) {
      const float* token = tokens.data() + i * width + start;
      for (std::size_t k = 0; k < columns; ++k) sums[k] += static_cast<double>(token[k]);
    }
    for (std::size_t k = 0; k < columns; ++k) row[start + k] = static_cast<float>(sums[k] * scale);
  }
}

}  // namespace nestvec
