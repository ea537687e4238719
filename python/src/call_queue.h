// SPDX-License-Identifier: Apache-2.0
// Calls of a model under way, first come, first out. Knows nothing of Python.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <utility>

#include "nestvec/error.h"

namespace nestvec {

// For one calling thread.
template <typename Value>
class CallQueue {
 public:
  using Done = std::function<void(Result<Value>)>;

  CallQueue() = default;
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;
  // As stop().
  ~CallQueue() { stop(); }

  // That stop() requests; for the options of the calls.
  std::stop_token token() const { return stop_.get_token(); }

  std::size_t size() const noexcept { return calls_.size(); }
  bool empty() const noexcept { return calls_.empty(); }

  // Calls start(done), which must see to it that `done` is called exactly once.
  template <typename Start>
  void add(Start start) {
    const auto promise = std::make_shared<std::promise<Result<Value>>>();
    calls_.push_back(promise->get_future());
    start(Done([promise](Result<Value> result) { promise->set_value(std::move(result)); }));
  }

  // Blocks until the first call is done or `limit` is over; true when it is done. Precondition:
  // !empty().
  bool wait(std::chrono::milliseconds limit) const {
    return calls_.front().wait_for(limit) == std::future_status::ready;
  }

  // The result of the first call. Precondition: wait() was true.
  Result<Value> take() {
    Result<Value> result = calls_.front().get();
    calls_.pop_front();
    return result;
  }

  // Ends what is under way and waits until it has ended.
  void stop() {
    stop_.request_stop();
    for (const auto& call : calls_) call.wait();
    calls_.clear();
  }

 private:
  std::stop_source stop_;
  std::deque<std::future<Result<Value>>> calls_;
};

}  // namespace nestvec
