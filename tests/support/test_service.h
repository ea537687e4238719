// SPDX-License-Identifier: Apache-2.0
// For tests of what answers requests: a loaded small model, the service around it, and calls that
// wait for their answer.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "service/router.h"
#include "support/folders.h"

namespace nestvec {

// One request thread; what is left is run before it ends.
class TestExecutor {
 public:
  TestExecutor() : thread_([this] { work(); }) {}
  TestExecutor(const TestExecutor&) = delete;
  TestExecutor& operator=(const TestExecutor&) = delete;
  ~TestExecutor() {
    post(nullptr);
    thread_.join();
  }

  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    wake_.notify_one();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !queue_.empty(); });
      const std::function<void()> next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      if (!next) return;
      next();
    }
  }

  std::mutex mutex_;  // guards queue_
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::thread thread_;
};

// Few, so that texts over the limit are soon computed.
inline constexpr std::size_t kTestTokens = 256;

inline Model load_test_model(const std::string& name) {
  ModelConfig config;
  config.checkpoints.repo_id = test_data() + "/../models/" + name;
  config.runtime.cache_dir = test_build() + "/api-cache";
  config.runtime.precision = "fp32";
  config.runtime.threads = 1;
  config.runtime.max_tokens = kTestTokens;
  return load_model(config);
}

// The model is loaded once for a program.
inline const Model& test_model() {
  static const Model model = load_test_model("v3-tiny");
  return model;
}

struct TestService {
  ServerOptions options;
  Metrics metrics;
  TestExecutor executor;
  Service service{test_model(), options, metrics,
                  [this](std::function<void()> work) { executor.post(std::move(work)); }, "0.0.0"};
};

// Sends a request through the router and waits for its answer.
inline HttpResponse call(const Router& router, HttpRequest request) {
  const auto answer = std::make_shared<std::promise<HttpResponse>>();
  request.received = std::chrono::steady_clock::now();
  router.handle(std::make_shared<const HttpRequest>(std::move(request)),
                [answer](HttpResponse response) { answer->set_value(std::move(response)); });
  return answer->get_future().get();
}

inline HttpRequest request_of(std::string method, std::string path, std::string body = "",
                              Headers headers = {}) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.body = std::move(body);
  request.headers = std::move(headers);
  request.id = "request-1";
  return request;
}

// The first value of a header of an answer, "" where there is none.
inline std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace nestvec
