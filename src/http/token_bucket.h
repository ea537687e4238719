// SPDX-License-Identifier: Apache-2.0
// How often something may happen.
#pragma once

#include <algorithm>
#include <chrono>

namespace nestvec {

// Holds `burst` tokens at most and gets `rate` of them a second. Not thread-safe.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  TokenBucket(double burst, double rate) : burst_(burst), rate_(rate), tokens_(burst) {}

  // False where too few are left.
  bool take(Clock::time_point now, double count = 1) {
    if (now > last_) {
      if (last_ != Clock::time_point{}) {
        give(rate_ * std::chrono::duration<double>(now - last_).count());
      }
      last_ = now;
    }
    if (tokens_ < count) return false;
    tokens_ -= count;
    return true;
  }
  void give(double count) { tokens_ = std::min(burst_, tokens_ + count); }

 private:
  const double burst_;
  const double rate_;
  double tokens_;
  Clock::time_point last_{};
};

}  // namespace nestvec
