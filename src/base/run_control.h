// SPDX-License-Identifier: Apache-2.0
// How a caller ends work that it no longer wants.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

namespace nestvec {

struct RunControl {
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;

  // Throws Error: kCancelled, kDeadlineExceeded. Cheap enough to be asked between operators.
  void check() const;
};

}  // namespace nestvec
