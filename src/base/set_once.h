// SPDX-License-Identifier: Apache-2.0
// Something that comes into being while others may already ask for it.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <utility>

#include "api/service.h"

namespace nestvec {

// Nothing at first, then one value that stays. get() is safe for concurrent use, also with emplace.
template <typename T>
class Late {
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

// The service, which is there once the model is loaded.
using LateService = Late<std::reference_wrapper<const Service>>;

}  // namespace nestvec
