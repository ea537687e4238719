// SPDX-License-Identifier: Apache-2.0
// For the statically linked command alone. libstdc++.a has std::random_device, which nestvec does
// not use and the linker keeps; it calls arc4random, which glibc has since 2.36. With this one the
// command runs on older machines.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

extern "C" std::uint32_t arc4random() noexcept {
  std::uint32_t word = 0;
  if (::getentropy(&word, sizeof word) != 0) std::abort();
  return word;
}
