// SPDX-License-Identifier: Apache-2.0
// The memory of requests, of a size that a test chooses.
#pragma once

#include <cstddef>
#include <memory>

#include "base/memory_account.h"

namespace nestvec {

inline std::shared_ptr<MemoryAccount> request_account(std::size_t bytes) {
  return std::make_shared<MemoryAccount>("server.request_memory", bytes);
}

}  // namespace nestvec
