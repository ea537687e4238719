// SPDX-License-Identifier: Apache-2.0
// Work over foreign text, counted in steps, that ends when nobody waits for it any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/run_control.h"

namespace nestvec {

// A loop whose length a stranger decides spends a step for each character, token or row, which is
// well under a microsecond of work. Every kStride steps the caller's deadline and client are
// looked at, far more often than each 10 ms. One call's, not thread-safe.
class Pace {
 public:
  static constexpr std::size_t kStride = 4096;

  // Nobody to look at: steps are only counted.
  Pace() = default;
  explicit Pace(RunControl control) : look_([control = std::move(control)] { control.check(); }) {}
  // `look` throws to end the work.
  explicit Pace(std::function<void()> look) : look_(std::move(look)) {}

  // Throws what the look throws: kCancelled, kDeadlineExceeded.
  void spend(std::size_t steps = 1) {
    if (steps >= left_) return look(steps);
    left_ -= steps;
  }

  // Spent so far.
  std::uint64_t steps() const noexcept { return before_ + (kStride - left_); }

 private:
  void look(std::size_t steps);

  std::function<void()> look_;
  std::uint64_t before_ = 0;  // steps up to the last look
  std::size_t left_ = kStride;
};

}  // namespace nestvec
