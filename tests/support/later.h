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

  }  // namespace nestvec
