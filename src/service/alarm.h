// SPDX-License-Identifier: Apache-2.0
// A call that is to come later.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

namespace nestvec {

// Takes the call back at its end, unless it has begun; does not wait for one that runs.
class Alarm {
 public:
  Alarm() = default;
  explicit Alarm(std::function<void()> take_back) : take_back_(std::move(take_back)) {}
  Alarm(Alarm&& other) noexcept : take_back_(std::exchange(other.take_back_, nullptr)) {}
  Alarm& operator=(Alarm&& other) noexcept {
    std::swap(take_back_, other.take_back_);
    return *this;
  }
  ~Alarm() {
    if (take_back_) take_back_();
  }

 private:
  std::function<void()> take_back_;
};

// Calls a function after that time, from any thread, unless the alarm ends before. Does not block.
using Timer = std::function<Alarm(std::chrono::milliseconds, std::function<void()>)>;

}  // namespace nestvec
