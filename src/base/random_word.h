// SPDX-License-Identifier: Apache-2.0
// 64 bits that nobody can guess.
#pragma once

#include <cstdint>
#include <random>

namespace nestvec {

// Throws std::runtime_error where the system has no source of randomness.
inline std::uint64_t random_word() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace nestvec
