// SPDX-License-Identifier: Apache-2.0
// Memory of a body that arrives: taken from the account before the bytes are kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "base/memory_account.h"

namespace nestvec {

// Charges what a std::string of the caller's takes as it grows. Not thread-safe. Without an account
// there is always room.
class BodyMemory {
 public:
  explicit BodyMemory(std::shared_ptr<MemoryAccount> account = nullptr)
      : share_(std::move(account)) {}

  // Makes room for a body of so many bytes in all. False, and nothing changes, where there is none
  // now. Throws std::bad_alloc.
  bool reserve(std::string& body, std::size_t bytes);
  // Makes room for so many bytes behind those that `body` has: at least twice what it has had, so
  // that all of its growing costs no more than it does. Otherwise as reserve().
  bool make_room(std::string& body, std::size_t bytes);

  // Of a body that is whole. Nothing is charged any more.
  MemoryShare take() { return std::exchange(share_, MemoryShare()); }

 private:
  bool move_to(std::string& body, std::size_t capacity);

  MemoryShare share_;
};

// A body waits for memory: so long, and the others know.
struct AwaitedMemory {
  AwaitedMemory(std::chrono::steady_clock::time_point until, std::shared_ptr<MemoryAccount> account)
      : deadline(until), wait(std::make_unique<MemoryWait>(std::move(account))) {}

  std::chrono::steady_clock::time_point deadline;
  std::unique_ptr<const MemoryWait> wait;
};

}  // namespace nestvec
