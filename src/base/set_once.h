// SPDX-License-Identifier: Apache-2.0
// A value that is set once, while other threads may already ask for it.
#pragma once

#include <atomic>
#include <optional>
#include <utility>

namespace nestvec {

// Empty at first, then one value that stays. get() is safe for concurrent use, also with emplace.
template <typename T>
class SetOnce {
 public:
  // nullptr until the value is there.
  const T* get() const noexcept { return ready_.load(std::memory_order_acquire); }

  // Once.
  template <typename... Arguments>
  void emplace(Arguments&&... arguments) {
    ready_.store(&value_.emplace(std::forward<Arguments>(arguments)...), std::memory_order_release);
  }

 private:
  std::optional<T> value_;
  std::atomic<const T*> ready_{nullptr};
};

}  // namespace nestvec
