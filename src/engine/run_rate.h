// SPDX-License-Identifier: Apache-2.0
// How fast a model runs, from the batches that it ran lately.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

namespace nestvec {

// Not thread-safe.
class RunRate {
 public:
  // The first batch counts for nothing: it finds the weights on the disk and all else cold.
  void add(std::size_t tokens, double seconds) {
    constexpr double kMemory = 0.9;  // some ten batches
    if (!std::exchange(is_warm_, true)) return;
    tokens_ = tokens_ * kMemory + static_cast<double>(tokens);
    seconds_ = seconds_ * kMemory + std::max(seconds, 1e-9);
  }

  // 0 before the second batch.
  double tokens_per_second() const { return seconds_ > 0 ? tokens_ / seconds_ : 0; }

  // What a call may be refused by: 0 until there is more to go by than a few short texts, whose
  // batches tell how busy the machine is rather than how fast the model.
  double proven_tokens_per_second() const {
    constexpr double kEnoughTokens = 512;
    return tokens_ >= kEnoughTokens ? tokens_per_second() : 0;
  }

 private:
  bool is_warm_ = false;
  double tokens_ = 0;
  double seconds_ = 0;
};

}  // namespace nestvec
