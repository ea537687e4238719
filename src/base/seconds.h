// SPDX-License-Identifier: Apache-2.0
// Times of the steady clock as seconds.
#pragma once

#include <chrono>

namespace nestvec {

inline double seconds_between(std::chrono::steady_clock::time_point from,
                              std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return seconds_between(start, std::chrono::steady_clock::now());
}

}  // namespace nestvec
