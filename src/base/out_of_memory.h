// SPDX-License-Identifier: Apache-2.0
// The error that needs no memory.
#pragma once

#include <chrono>

#include "nestvec/error.h"

namespace nestvec {

// What a call ends with that found no memory. Its text is short enough to need none itself.
inline Error out_of_memory() noexcept {
  constexpr std::chrono::seconds kAgain{1};
  return {ErrorCode::kUnavailable, "out of memory", {.text = {}, .retry_after = kAgain}};
}

}  // namespace nestvec
