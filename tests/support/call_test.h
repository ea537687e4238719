// SPDX-License-Identifier: Apache-2.0
// What the tests of ModelCall share: a model whose graph does as a test says, and how often a
// request has ended.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "service/model_call.h"
#include "support/manual_threads.h"
#include "support/scripted_model.h"

namespace nestvec {

// How often a request has ended, and how.
struct Ending {
  std::mutex mutex;
  std::condition_variable changed;
  int times = 0;
  std::optional<Error> error;

  void take(const Error* with) {
    const std::lock_guard lock(mutex);
    ++times;
    if (with != nullptr) error = *with;
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return times > 0; });
  }
  ErrorCode code() const { return error ? error->code() : ErrorCode::kUnknown; }
};

class CallTest : public testing::Test {
 protected:
  explicit CallTest(Model (*make)(std::unique_ptr<ScriptedSession>)) : model_(make_model(make)) {}
  ~CallTest() override {
    session_->gate.open();
    model_.shut_down();
    threads_.drop_all();
  }

  Caller caller() const {
    Caller caller;
    caller.client = 1;
    caller.stop = client_.get_token();
    return caller;
  }
  ModelCall::Render keep_rows() {
    return
        [this](std::span<const CallRows> rows, Pace&) { rows_.assign(rows.begin(), rows.end()); };
  }
  auto count_ending() {
    return [this](const Error* error) { ending_.take(error); };
  }

  // Runs what is posted until the request has ended, and then what is left: that must not end it
  // again, and leave nothing with the model.
  void finish() {
    while (true) {
      {
        const std::lock_guard lock(ending_.mutex);
        if (ending_.times > 0) break;
      }
      if (!threads_.try_run_one()) std::this_thread::yield();
    }
    settle();
  }
  void settle() {
    session_->gate.open();
    QueueStatus queue = model_.queue();
    while (queue.tokens > 0 || queue.running_tokens > 0 || threads_.try_run_one()) {
      std::this_thread::yield();
      queue = model_.queue();
    }
    EXPECT_EQ(ending_.times, 1);
    EXPECT_EQ(queue.output_bytes, 0U);
  }
  bool counted(const std::string& line) const {
    return metrics_.text().find(line) != std::string::npos;
  }

  ScriptedSession* session_ = nullptr;
  ServerOptions options_;
  Metrics metrics_;
  ManualThreads threads_;
  std::stop_source client_;
  Ending ending_;
  std::vector<CallRows> rows_;
  Model model_;
  Service service_{.model = model_,
                   .options = options_,
                   .metrics = metrics_,
                   .post = [this](std::function<void()> work) { threads_.post(std::move(work)); },
                   .version = "0.0.0"};

 private:
  Model make_model(Model (*make)(std::unique_ptr<ScriptedSession>)) {
    auto session = std::make_unique<ScriptedSession>();
    session_ = session.get();
    return make(std::move(session));
  }
};

}  // namespace nestvec
