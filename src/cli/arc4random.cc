// SPDX-License-Identifier: Apache-2.0
// For the statically linked command alone. libstdc++.a has std::random_device, which nestvec does
// not use and the linker keeps; it calls arc4random, which glibc has since 2.36. With this one the
// command runs on older machines.
#include <cstdint>

#include "base/random_word.h"

// Without a source of randomness the process ends.
extern "C" std::uint32_t arc4random() noexcept {
  return static_cast<std::uint32_t>(nestvec::random_word());
}
