// SPDX-License-Identifier: Apache-2.0
// 64 bits that nobody can guess.
#pragma once

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace nestvec {

// Throws std::system_error where the system has no source of randomness.
inline std::uint64_t random_word() {
  std::uint64_t word = 0;
  if (::getentropy(&word, sizeof word) != 0) {
    throw std::system_error(errno, std::generic_category(), "getentropy");
  }
  return word;
}

}  // namespace nestvec
