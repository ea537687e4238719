// SPDX-License-Identifier: Apache-2.0
// Scores on the way of every request: on a classifier whose graph does as a test says.
#include <gtest/gtest.h>

#include "support/call_test.h"

namespace nestvec {
namespace {

class ScoreCallTest : public CallTest {
 protected:
  ScoreCallTest() : CallTest(scripted_classifier) {}

  static ScoreCall call_of(const std::vector<std::string>& texts) {
    ScoreCall call;
    call.param = "inputs";
    call.options.activation = ScoreActivation::kNone;
    for (const std::string& text : texts) call.pairs.push_back({text});
    return call;
  }
  void start(ScoreCall call) {
    ModelCall::start(service_, caller(), std::move(call), keep_rows(), count_ending());
  }
};

TEST_F(ScoreCallTest, BringsScoresAndWhatTheyTook) {
  start(call_of({"a b", "c"}));
  finish();
  ASSERT_FALSE(ending_.error) << ending_.error->what();
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
  EXPECT_THROW(
      ModelCall::start(
          service_, {}, std::vector<EmbedCall>{vectors}, [](auto, Pace&) {}, count_ending()),
      Error);
  EXPECT_EQ(ending_.times, 0);
}

TEST_F(ScoreCallTest, AFaultOfATextKeepsItsIndex) {
  std::string longer;
  for (std::size_t i = 0; i < kScriptedTokens; ++i) longer += "a ";
  ScoreCall call = call_of({"a", "b", longer});
  call.options.truncation = Truncation::kError;
  start(call);
  finish();
  ASSERT_TRUE(ending_.error);
  EXPECT_EQ(ending_.error->code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(ending_.error->detail().text, 2U);
  EXPECT_TRUE(counted(R"(nestvec_failed_calls_total{code="OUT_OF_RANGE"} 1)"));
}

TEST_F(ScoreCallTest, AClientThatGoesEndsItsScores) {
  session_->gate.close();
  start(call_of({"a"}));
  session_->gate.wait_for_run();
  client_.request_stop();
  finish();
  ASSERT_TRUE(ending_.error);
  EXPECT_EQ(ending_.error->code(), ErrorCode::kCancelled);
}

TEST_F(ScoreCallTest, IsRefusedWhereItCanNeverWait) {
  options_.max_queue_tokens = 80;
  session_->gate.close();
  start(call_of(std::vector<std::string>(200, "a")));
  session_->gate.open();
  finish();
  ASSERT_TRUE(ending_.error);
  EXPECT_EQ(ending_.error->code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(ending_.error->detail().retry_after.count(), 0);
}

TEST_F(ScoreCallTest, WhatTheGraphThrowsEndsItOnce) {
  session_->fault = [] { throw Error(ErrorCode::kInternal, "broken"); };
  start(call_of({"a"}));
  finish();
  ASSERT_TRUE(ending_.error);
  EXPECT_EQ(ending_.error->code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace nestvec
