// SPDX-License-Identifier: Apache-2.0
// What a request ends with, once, whatever fails: on a model whose graph does as a test says.
#include "service/model_call.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "support/call_test.h"

namespace nestvec {
namespace {

class ModelCallTest : public CallTest {
 protected:
  ModelCallTest() : CallTest(scripted_model) {
    service_.after = [this](std::chrono::milliseconds, std::function<void()> work) {
      alarms_.push_back(std::move(work));
      return Alarm();
    };
  }

  // Two of these do not share a run.
  static EmbedCall long_call() {
    std::string text;
    for (std::size_t i = 0; i < kScriptedTokens / 2 + 1; ++i) text += "a ";
    return call_of({text});
  }
  static EmbedCall call_of(std::vector<std::string> texts) {
    EmbedCall call;
    call.texts = std::move(texts);
    return call;
  }

  void start(std::vector<EmbedCall> calls, ModelCall::Render render = {}) {
    if (!render) render = keep_rows();
    ModelCall::start(service_, caller(), std::move(calls), std::move(render), count_ending());
  }
  void empty_the_queue() {
    while (model_.queue().tokens > 0) {
      if (!threads_.try_run_one()) std::this_thread::yield();
    }
  }

  std::vector<std::function<void()>> alarms_;
};

TEST(ClassOfParts, IsOneForAllOfThem) {
  EXPECT_EQ(class_of_parts(Priority::kAuto, 1, 1u << 20), Priority::kAuto);
  EXPECT_EQ(class_of_parts(Priority::kAuto, 2, 100), Priority::kAuto);
  EXPECT_EQ(class_of_parts(Priority::kAuto, 200, 200 * 100), Priority::kBulk);
  EXPECT_EQ(class_of_parts(Priority::kInteractive, 200, 200 * 100), Priority::kInteractive);
}

TEST_F(ModelCallTest, BringsTheRowsOfEachCall) {
  EmbedCall tokens = call_of({"a", "b c"});
  tokens.token_vectors = true;
  start({call_of({"a b", "c"}), EmbedCall(), tokens});
  finish();
  EXPECT_FALSE(ending_.error);
  ASSERT_EQ(rows_.size(), 3U);
  EXPECT_EQ(rows_[0].rows.rows, 2U);
  EXPECT_EQ(rows_[0].rows.tokens, (std::vector<std::uint32_t>{4, 3}));
  EXPECT_EQ(rows_[1].rows.rows, 0U);
  ASSERT_EQ(rows_[2].tokens.size(), 2U);
  EXPECT_EQ(rows_[2].tokens[1].tokens, 4U);
  EXPECT_EQ(rows_[2].rows.tokens, (std::vector<std::uint32_t>{3, 4}));
  EXPECT_TRUE(counted(R"(nestvec_texts_total{task="none"} 4)"));
  EXPECT_TRUE(counted(R"(nestvec_tokens_total{task="none"} 14)"));
}

TEST_F(ModelCallTest, ARequestThatNeedsNoModelEndsToo) {
  start({EmbedCall()});
  finish();
  EXPECT_FALSE(ending_.error);
  EXPECT_EQ(rows_.size(), 1U);
}

TEST_F(ModelCallTest, DocumentsThatAreContextsAreReadApart) {
  EmbedCall call = call_of({"a", "b", "c"});
  call.documents = {1, 2};
  call.options.late_chunking = true;
  start({call});
  finish();
  ASSERT_EQ(rows_.size(), 1U);
  EXPECT_EQ(rows_[0].rows.rows, 3U);
  // The second document's special tokens are divided among its chunks.
  EXPECT_EQ(rows_[0].rows.tokens[0], 3U);
}

TEST_F(ModelCallTest, AFaultOfATextIsToldByItsDocument) {
  std::string longer;
  for (std::size_t i = 0; i < kScriptedTokens; ++i) longer += "a ";
  EmbedCall call = call_of({"a", "b", longer});
  call.documents = {1, 2};
  call.options.truncation = Truncation::kError;
  start({call_of({"a"}), call});
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(ending_.error->detail().text, 1U);
  EXPECT_EQ(std::string(ending_.error->what()).find("input[1]: "), 0U);
  EXPECT_TRUE(counted(R"(nestvec_failed_calls_total{code="OUT_OF_RANGE"} 1)"));
}

TEST_F(ModelCallTest, TokenVectorsOverTheLimitOfAnAnswer) {
  EmbedCall call = call_of({"a", "b"});
  call.token_vectors = true;
  call.max_numbers = 3 * kScriptedWidth;
  start({call});
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(ending_.error->detail().text);
}

// More tokens than a client may have in the queue: its parts wait for each other.
TEST_F(ModelCallTest, IsNotRefusedForItsOwnParts) {
  options_.max_queue_tokens = 80;
  EmbedCall call = call_of(std::vector<std::string>(60, "a"));
  call.token_vectors = true;
  session_->gate.close();
  start({call});
  session_->gate.wait_for_run();
  EXPECT_EQ(ending_.times, 0);
  EXPECT_LE(model_.queue().tokens, 40U);
  session_->gate.open();
  finish();
  EXPECT_FALSE(ending_.error) << ending_.error->what();
  ASSERT_EQ(rows_.size(), 1U);
  EXPECT_EQ(rows_[0].tokens.size(), 60U);
}

// The parts that one waits for may end just when it is refused.
TEST_F(ModelCallTest, IsNotRefusedForPartsThatHaveEndedMeanwhile) {
  options_.max_queue_tokens = 80;
  for (int i = 0; i < 1000; ++i) {
    EmbedCall call = call_of(std::vector<std::string>(60, "a"));
    call.token_vectors = true;
    start({call});
    finish();
    ASSERT_FALSE(ending_.error) << ending_.error->what();
    ending_.times = 0;
  }
}

TEST_F(ModelCallTest, IsRefusedWhereTheQueueIsFullOfOthers) {
  options_.max_queue_tokens = 80;
  session_->gate.close();
  EmbedCall call = call_of({"a"});
  call.token_vectors = true;
  Ending others;
  for (std::uint64_t client = 2; client < 80; ++client) {
    Caller other = caller();
    other.client = client;
    ModelCall::start(
        service_, other, {call}, [](std::span<const CallRows>, Pace&) {},
        [&](const Error* error) { others.take(error); });
    session_->gate.wait_for_run();
  }
  start({call});
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kResourceExhausted);
  ASSERT_TRUE(ending_.error);
  EXPECT_GT(ending_.error->detail().retry_after.count(), 0);
}

TEST_F(ModelCallTest, AClientThatGoesWhileItsPartsWaitForEachOther) {
  options_.max_queue_tokens = 80;
  EmbedCall call = call_of(std::vector<std::string>(60, "a"));
  call.token_vectors = true;
  session_->gate.close();
  start({call});
  session_->gate.wait_for_run();
  client_.request_stop();
  empty_the_queue();
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kCancelled);
}

TEST_F(ModelCallTest, AFaultOfTheGraph) {
  session_->fault = [] { throw Error(ErrorCode::kInternal, "the graph"); };
  start({call_of({"a"}), call_of({"b"})});
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kInternal);
}

TEST_F(ModelCallTest, NoMemoryForARun) {
  session_->fault = [] { throw std::bad_alloc(); };
  start({call_of({"a"})});
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kUnavailable);
}

// Of whatever is thrown while the answer is made.
TEST_F(ModelCallTest, WhatRenderingThrows) {
  const auto ends_with = [this](const std::function<void()>& fault) {
    ending_.times = 0;
    start({call_of({"a"})}, [&](std::span<const CallRows>, Pace&) { fault(); });
    finish();
    return ending_.code();
  };
  EXPECT_EQ(ends_with([] { throw Error(ErrorCode::kNotFound, "x"); }), ErrorCode::kNotFound);
  EXPECT_EQ(ends_with([] { throw std::bad_alloc(); }), ErrorCode::kUnavailable);
  EXPECT_EQ(ends_with([] { throw std::runtime_error("secret"); }), ErrorCode::kInternal);
  EXPECT_EQ(std::string(ending_.error->what()).find("secret"), std::string::npos);
  EXPECT_EQ(ends_with([] { throw 1; }), ErrorCode::kInternal);
}

TEST_F(ModelCallTest, AClientThatHadGoneBefore) {
  client_.request_stop();
  start({call_of({"a"}), call_of({"b"})});
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kCancelled);
}

TEST_F(ModelCallTest, AClientThatGoesDuringTheRun) {
  session_->gate.close();
  start({long_call(), long_call(), long_call()});
  session_->gate.wait_for_run();
  EXPECT_GT(model_.queue().tokens, 0U);
  client_.request_stop();
  empty_the_queue();
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kCancelled);
}

TEST_F(ModelCallTest, AClientThatGoesWhileItsAnswerIsMade) {
  start({call_of({"a"})}, [this](std::span<const CallRows>, Pace& pace) {
    client_.request_stop();
    pace.spend(2 * Pace::kStride);
  });
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kCancelled);
}

TEST_F(ModelCallTest, AClientThatGoesAfterwardsChangesNothing) {
  start({call_of({"a"})});
  finish();
  client_.request_stop();
  settle();
  EXPECT_FALSE(ending_.error);
}

TEST_F(ModelCallTest, EndsAtItsDeadlineThoughTheModelIsStillAtWork) {
  session_->gate.close();
  options_.request_seconds = 3600;
  Caller late = caller();
  late.received = std::chrono::steady_clock::now();
  ModelCall::start(service_, late, {long_call(), long_call()}, nullptr,
                   [this](const Error* error) { ending_.take(error); });
  session_->gate.wait_for_run();
  EXPECT_GT(model_.queue().tokens, 0U);
  ASSERT_EQ(alarms_.size(), 1U);
  alarms_.front()();
  threads_.run_one();
  EXPECT_EQ(ending_.times, 1);
  EXPECT_EQ(ending_.code(), ErrorCode::kDeadlineExceeded);
  empty_the_queue();
  settle();
}

TEST_F(ModelCallTest, ADeadlineThatHasPassed) {
  Caller late = caller();
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  ModelCall::start(service_, late, {call_of({"a"})}, nullptr,
                   [this](const Error* error) { ending_.take(error); });
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kDeadlineExceeded);
}

TEST_F(ModelCallTest, NoMemoryToGoOnWithOnARequestThread) {
  session_->gate.close();
  start({call_of({"a"})});
  session_->gate.wait_for_run();
  threads_.full = true;
  session_->gate.open();
  ending_.wait();
  EXPECT_EQ(ending_.code(), ErrorCode::kUnavailable);
  threads_.full = false;
  settle();
}

TEST_F(ModelCallTest, NoMemoryToAsk) {
  service_.after = [](std::chrono::milliseconds, const std::function<void()>&) -> Alarm {
    throw std::bad_alloc();
  };
  options_.request_seconds = 1;
  Caller hurried = caller();
  hurried.received = std::chrono::steady_clock::now();
  ModelCall::start(service_, hurried, {call_of({"a"})}, nullptr,
                   [this](const Error* error) { ending_.take(error); });
  finish();
  EXPECT_EQ(ending_.code(), ErrorCode::kUnavailable);
}

TEST_F(ModelCallTest, WorkThatIsDroppedEndsTheRequest) {
  start({EmbedCall()});
  threads_.drop_all();
  EXPECT_EQ(ending_.times, 1);
  EXPECT_EQ(ending_.code(), ErrorCode::kUnavailable);
}

TEST_F(ModelCallTest, OneOfManyErrorsIsTold) {
  session_->gate.close();
  session_->fault = [] { throw Error(ErrorCode::kInternal, "the graph"); };
  std::vector<EmbedCall> calls(16, call_of({"a"}));
  start(std::move(calls));
  session_->gate.wait_for_run();
  client_.request_stop();
  session_->gate.open();
  finish();
  EXPECT_TRUE(ending_.error);
}

}  // namespace
}  // namespace nestvec
