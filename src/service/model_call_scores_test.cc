// SPDX-License-Identifier: Apache-2.0
// Scores on the way of every request: on a classifier whose graph does as a test says.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>

#include "service/model_call.h"
#include "support/manual_threads.h"
#include "support/scripted_model.h"

namespace nestvec {
namespace {

class ScoreCallTest : public testing::Test {
 protected:
  Model make_model() {
    auto session = std::make_unique<ScriptedSession>();
    session_ = session.get();
    return scripted_classifier(std::move(session));
  }
  ~ScoreCallTest() override {
    session_->gate.open();
    model_.shut_down();
    threads_.drop_all();
  }

  static ScoreCall call_of(const std::vector<std::string>& texts) {
    ScoreCall call;
    call.param = "inputs";
    call.options.activation = ScoreActivation::kNone;
    for (const std::string& text : texts) call.pairs.push_back({text});
    return call;
  }
  void start(ScoreCall call) {
    Caller caller;
    caller.client = 1;
    caller.stop = client_.get_token();
    ModelCall::start(
        service_, caller, std::move(call),
        [this](std::span<const CallRows> rows, Pace&) { rows_.assign(rows.begin(), rows.end()); },
        [this](const Error* error) {
          ++times_;
          if (error != nullptr) error_ = *error;
        });
  }
  // Runs what is posted until the request has ended, and nothing is left with the model.
  void finish() {
    QueueStatus queue = model_.queue();
    while (times_ == 0 || queue.tokens > 0 || queue.running_tokens > 0) {
      if (!threads_.try_run_one()) std::this_thread::yield();
      queue = model_.queue();
    }
    while (threads_.try_run_one()) {
    }
    EXPECT_EQ(times_, 1);
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
  std::atomic<int> times_{0};
  std::optional<Error> error_;
  std::vector<CallRows> rows_;
  Model model_ = make_model();
  Service service_{.model = model_,
                   .options = options_,
                   .metrics = metrics_,
                   .post = [this](std::function<void()> work) { threads_.post(std::move(work)); },
                   .version = "0.0.0"};
};

TEST_F(ScoreCallTest, BringsScoresAndWhatTheyTook) {
  start(call_of({"a b", "c"}));
  finish();
  ASSERT_FALSE(error_) << error_->what();
  ASSERT_EQ(rows_.size(), 1U);
  EXPECT_EQ(rows_[0].scores.rows, 2U);
  EXPECT_EQ(rows_[0].scores.values, std::vector<float>(2 * kScriptedWidth, 1.0F));
  EXPECT_EQ(rows_[0].rows.tokens, (std::vector<std::uint32_t>{4, 3}));
  EXPECT_TRUE(rows_[0].rows.values.empty());
  EXPECT_TRUE(counted(R"(nestvec_texts_total{task="classify"} 2)"));
  EXPECT_TRUE(counted(R"(nestvec_tokens_total{task="classify"} 7)"));
}

TEST_F(ScoreCallTest, AModelOfAnotherKindRefusesBeforeAnythingBegins) {
  ScoreCall ranking;
  ranking.query = "a";
  ranking.documents = {"b"};
  EXPECT_THROW(start(ranking), Error) << "a classifier of several labels";
  EmbedCall vectors;
  vectors.texts = {"a"};
  EXPECT_THROW(ModelCall::start(
                   service_, {}, std::vector<EmbedCall>{vectors}, [](auto, Pace&) {},
                   [this](const Error*) { ++times_; }),
               Error);
  EXPECT_EQ(times_, 0);
}

TEST_F(ScoreCallTest, AFaultOfATextKeepsItsIndex) {
  std::string longer;
  for (std::size_t i = 0; i < kScriptedTokens; ++i) longer += "a ";
  ScoreCall call = call_of({"a", "b", longer});
  call.options.truncation = Truncation::kError;
  start(call);
  finish();
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(error_->detail().text, 2U);
  EXPECT_TRUE(counted(R"(nestvec_failed_calls_total{code="OUT_OF_RANGE"} 1)"));
}

TEST_F(ScoreCallTest, AClientThatGoesEndsItsScores) {
  session_->gate.close();
  start(call_of({"a"}));
  session_->gate.wait_for_run();
  client_.request_stop();
  finish();
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code(), ErrorCode::kCancelled);
}

TEST_F(ScoreCallTest, IsRefusedWhereItCanNeverWait) {
  options_.max_queue_tokens = 80;
  session_->gate.close();
  start(call_of(std::vector<std::string>(200, "a")));
  session_->gate.open();
  finish();
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(error_->detail().retry_after.count(), 0);
}

TEST_F(ScoreCallTest, WhatTheGraphThrowsEndsItOnce) {
  session_->fault = [] { throw Error(ErrorCode::kInternal, "broken"); };
  start(call_of({"a"}));
  finish();
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace nestvec
