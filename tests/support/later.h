// SPDX-License-Identifier: Apache-2.0
// For tests: a handler that answers when the test does.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "service/http_message.h"

namespace nestvec {

// A handler that leaves its Respond to the test.
class Later {
 public:
  HttpHandler handler() {
    return [this](std::shared_ptr<const HttpRequest> request, Respond respond) {
      const std::lock_guard lock(mutex_);
      requests_.emplace_back(std::move(request), std::move(respond));
      came_.notify_all();
    };
  }
  using Waiting = std::pair<std::shared_ptr<const HttpRequest>, Respond>;
  Waiting next() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return !requests_.empty(); });
    Waiting first = std::move(requests_.front());
    requests_.erase(requests_.begin());
    return first;
  }

 private:
  std::mutex mutex_;  // guards requests_
  std::condition_variable came_;
  std::vector<Waiting> requests_;
};

}  // namespace nestvec
