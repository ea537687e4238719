// SPDX-License-Identifier: Apache-2.0
// How fast a model runs, from the batches that it ran lately.
#pragma once

#include <algorithm>
#include <cstddef>

namespace nestvec {

// Not thread-safe.
class RunRate {
 public:
  void add(std::size_t tokens, double seconds) {
    constexpr double kMemory = 0.9;  // some ten batches
    tokens_ = tokens_ * kMemory + static_cast<double>(tokens);
    seconds_ = seconds_ * kMemory + std::max(seconds, 1e-9);
  }

  // 0 before the first batch.
  double tokens_per_second() const { return seconds_ > 0 ? tokens_ / seconds_ : 0; }

 private:
  double tokens_ = 0;
  double seconds_ = 0;
};

}  // namespace nestvec
