// SPDX-License-Identifier: Apache-2.0
// For tests of what connects to others: a port whose connections wait, because nobody takes them.
#pragma once

#include <cstdint>

#include "http/listener.h"

namespace nestvec {

// Given back to the system with the object; then nobody is there.
class SilentPort {
 public:
  std::uint16_t port() const { return listener_.port(); }

 private:
  Listener listener_{{"127.0.0.1", 0, ""}, 0600};
};

}  // namespace nestvec
