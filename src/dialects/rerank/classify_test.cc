// SPDX-License-Identifier: Apache-2.0
#include "dialects/rerank/classify.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/test_rules.h"

namespace nestvec {
namespace {

class Classify : public testing::Test {
 protected:
  Classify() {
    model_ = made_up_.model();
    model_.labels = {"joy", "anger", "fear"};
    model_.dense = false;
    model_.tasks.clear();
  }
  ClassifyRequest read(const std::string& members) const {
    const JsonDocument document = JsonDocument::parse("{" + members + "}", "body");
    return read_classify(document.root(), InputRules{model_, 4, {}});
  }
  std::string refused(const std::string& members) const {
    const auto error = request_error([&] { read(members); });
    return error ? error->param() : "(nothing was thrown)";
  }
  std::string rendered(bool for_infinity) const {
    CallRows rows;
    rows.scores.rows = 2;
    rows.scores.width = 3;
    rows.scores.values = {0.25F, 0.5F, 0.25F, 0.75F, 0, 0.25F};
    rows.rows.tokens = {3, 4};
    rows.rows.truncated = {1};
    Pace pace;
    return render_classes({for_infinity, "id-1", 7}, rows, model_, pace);
  }

  TestRules made_up_;
  ModelInfo model_;
};

TEST_F(Classify, TextsAndTheirOptions) {
  const ClassifyRequest one = read(R"("input":"a","model":"test-model")");
  ASSERT_EQ(one.call.pairs.size(), 1u);
  EXPECT_EQ(one.call.pairs[0].first, "a");
  EXPECT_FALSE(one.call.pairs[0].second);
  EXPECT_EQ(one.call.options.activation, ScoreActivation::kModel);
  EXPECT_EQ(one.call.options.truncation, Truncation::kRight);
  EXPECT_EQ(read(R"("input":["a","b"],"truncate":false)").call.options.truncation,
            Truncation::kError);
  EXPECT_EQ(read(R"("input":["a"],"use_activation":false)").call.options.activation,
            ScoreActivation::kNone);
  EXPECT_EQ(read(R"("input":["a"],"raw_scores":true)").call.options.activation,
            ScoreActivation::kNone);
  EXPECT_EQ(read(R"("input":["a"],"truncate_prompt_tokens":-1)").call.pairs.size(), 1u);
}

TEST_F(Classify, InfinitysClientsAreToldByWhatTheySend) {
  EXPECT_FALSE(read(R"("input":["a"])").for_infinity);
  EXPECT_FALSE(read(R"("input":["a"],"raw_scores":null)").for_infinity);
  EXPECT_TRUE(read(R"("input":["a"],"raw_scores":false)").for_infinity);
}

TEST_F(Classify, WrongRequests) {
  EXPECT_EQ(refused(""), "input");
  EXPECT_EQ(refused(R"("input":[])"), "input");
  EXPECT_EQ(refused(R"("input":[""])"), "input[0]");
  EXPECT_EQ(refused(R"("input":["1","2","3","4","5"])"), "input");
  EXPECT_EQ(refused(R"("input":"a","labels":["x"])"), "labels");
  EXPECT_EQ(refused(R"("input":"a","softmax":false)"), "softmax");
  EXPECT_EQ(refused(R"("input":"a","truncate_prompt_tokens":3)"), "truncate_prompt_tokens");
  EXPECT_EQ(refused(R"("input":"a","raw_scores":1)"), "raw_scores");
}

TEST_F(Classify, TheFormOfVllm) {
  EXPECT_EQ(rendered(false),
            R"({"id":"id-1","object":"list","created":7,"model":"test-model","data":[)"
            R"({"index":0,"label":"anger","probs":[0.25,0.5,0.25],"num_classes":3},)"
            R"({"index":1,"label":"joy","probs":[0.75,0,0.25],"num_classes":3}],)"
            R"("usage":{"prompt_tokens":7,"total_tokens":7},"truncated":[1]})");
}

TEST_F(Classify, TheFormOfInfinity) {
  const std::string text = rendered(true);
  EXPECT_EQ(text.find(R"({"id":"id-1","object":"classify","created":7,)"), 0u) << text;
  EXPECT_NE(text.find(R"("data":[[{"score":0.5,"label":"anger"},{"score":0.25,"label":"joy"},)"
                      R"({"score":0.25,"label":"fear"}],[{"score":0.75,"label":"joy"},)"),
            std::string::npos)
      << text;
}

TEST_F(Classify, TheMemoryOfAnAnswerIsEnough) {
  for (const bool for_infinity : {false, true}) {
    EXPECT_LE(rendered(for_infinity).size(), most_of_classes(2, model_));
  }
}

}  // namespace
}  // namespace nestvec
