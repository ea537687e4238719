// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_scores.h"

#include <gtest/gtest.h>

#include <utility>

#include "dialects/ranking.h"
#include "dialects/tei/tei_style.h"
#include "support/test_rules.h"

namespace nestvec {
namespace {

using Texts = std::vector<std::string>;

Scores scores_of(std::size_t width, std::vector<float> values) {
  Scores scores;
  scores.rows = values.size() / width;
  scores.width = width;
  scores.values = std::move(values);
  return scores;
}

class TeiScores : public testing::Test {
 protected:
  TeiScores() {
    model_ = made_up_.model();
    model_.labels = {"LABEL_0"};
  }
  InputRules rules() const { return {model_, 4, {}}; }
  TeiRank rank(const std::string& body) const {
    const JsonDocument document = JsonDocument::parse(body, "body");
    return read_tei_rank(document.root(), rules());
  }
  TeiPredict predict(const std::string& inputs) const {
    const JsonDocument document = JsonDocument::parse(R"({"inputs":)" + inputs + "}", "body");
    return read_tei_predict(document.root(), rules());
  }
  // "STATUS TYPE: MESSAGE".
  template <typename Read>
  static std::string refusal(Read read) {
    const auto error = request_error(read);
    if (!error) return "nothing";
    const TeiError kind = tei_error(*error);
    return std::to_string(kind.status) + " " + std::string(kind.type) + ": " + error->what();
  }
  std::string rank_refusal(const std::string& body) const {
    return refusal([&] { rank(body); });
  }
  std::string predict_refusal(const std::string& inputs) const {
    return refusal([&] { predict(inputs); }).substr(0, 3);
  }

  TestRules made_up_;
  ModelInfo model_;
};

TEST_F(TeiScores, Rank) {
  const TeiRank plain = rank(R"({"query":"h\u00e9","texts":["a","","bc"]})");
  EXPECT_EQ(plain.call.query, "h\xC3\xA9");
  EXPECT_EQ(plain.call.documents, (Texts{"a", "", "bc"}));
  EXPECT_EQ(plain.characters, 3U * 2U + 3U);
  EXPECT_FALSE(plain.return_text);
  EXPECT_EQ(plain.call.options.activation, ScoreActivation::kSigmoid);
  EXPECT_EQ(plain.call.options.truncation, Truncation::kRight);
  const TeiRank all =
      rank(R"({"query":"q","texts":["a"],"truncate":true,"truncation_direction":"Left",)"
           R"("raw_scores":true,"return_text":true})");
  EXPECT_EQ(all.call.options.activation, ScoreActivation::kNone);
  EXPECT_EQ(all.call.options.truncation, Truncation::kLeft);
  EXPECT_TRUE(all.return_text);
  EXPECT_EQ(rank(R"({"query":"q","texts":["a"],"truncate":false})").call.options.truncation,
            Truncation::kError);
  EXPECT_EQ(rank(R"({"query":"q","texts":["a"],"parameters":{"raw_scores":true}})")
                .call.options.activation,
            ScoreActivation::kNone);
}

TEST_F(TeiScores, WhatIsWrongWithARank) {
  EXPECT_EQ(rank_refusal(R"({"query":"q","texts":[]})"), "400 Empty: `texts` cannot be empty");
  EXPECT_EQ(rank_refusal(R"({"query":"","texts":["a"]})"), "400 Empty: `query` cannot be empty");
  EXPECT_EQ(rank_refusal(R"({"query":"q","texts":["a","a","a","a","a"]})"),
            "422 Validation: batch size 5 > maximum allowed batch size 4");
  for (const char* const body :
       {R"({"texts":["a"]})", R"({"query":"q"})", R"({"query":"q","texts":"a"})",
        R"({"query":"q","texts":[1]})", R"({"query":"q","texts":["a"],"raw_scores":"yes"})",
        R"({"query":"q","texts":["a"],"truncation_direction":"Up"})",
        R"({"query":"q","texts":["a"],"parameters":[]})"}) {
    EXPECT_EQ(rank_refusal(body).substr(0, 15), "422 Validation:") << body;
  }
}

TEST_F(TeiScores, Predict) {
  const TeiPredict one = predict(R"("a")");
  EXPECT_FALSE(one.batch);
  ASSERT_EQ(one.call.pairs.size(), 1U);
  EXPECT_EQ(one.call.pairs[0].first, "a");
  EXPECT_FALSE(one.call.pairs[0].second);
  EXPECT_FALSE(predict(R"(["a"])").batch);
  const TeiPredict pair = predict(R"(["a","bc"])");
  EXPECT_FALSE(pair.batch);
  ASSERT_EQ(pair.call.pairs.size(), 1U) << "two texts in a list are a pair";
  EXPECT_EQ(pair.call.pairs[0].second, "bc");
  EXPECT_EQ(pair.characters, 3U);
  const TeiPredict batch = predict(R"([["a"],["b","c"]])");
  EXPECT_TRUE(batch.batch);
  ASSERT_EQ(batch.call.pairs.size(), 2U);
  EXPECT_FALSE(batch.call.pairs[0].second);
  EXPECT_EQ(batch.call.pairs[1].second, "c");
  EXPECT_TRUE(predict(R"([["a"]])").batch);
}

TEST_F(TeiScores, WhatIsWrongWithInputs) {
  for (const char* const empty : {"[]", R"("")", R"([["a"],[""]])", R"(["",""])"}) {
    EXPECT_EQ(predict_refusal(empty), "400") << empty;
  }
  for (const char* const wrong :
       {"1", "{}", "[1]", R"(["a","b","c"])", R"(["a",["b"]])", R"([["a"],"b"])", R"([["a"],[]])",
        R"([["a","b","c"]])", R"([["a"],["a"],["a"],["a"],["a"]])"}) {
    EXPECT_EQ(predict_refusal(wrong), "422") << wrong;
  }
  EXPECT_EQ(predict(R"(["","b"])").call.pairs.size(), 1U);
}

TEST_F(TeiScores, SeveralLabelsAreScoredAsTheModelSays) {
  EXPECT_EQ(usual_activation(false, model_), ScoreActivation::kSigmoid);
  model_.labels = {"a", "b"};
  EXPECT_EQ(usual_activation(false, model_), ScoreActivation::kModel);
  EXPECT_EQ(usual_activation(true, model_), ScoreActivation::kNone);
}

TEST_F(TeiScores, Ranks) {
  const Scores scores = scores_of(1, {0.25F, 0.5F, 0.5F});
  EXPECT_EQ(render_tei_ranks(scores, {}),
            R"([{"index":2,"score":0.5},{"index":1,"score":0.5},{"index":0,"score":0.25}])");
  const Texts texts = {"a", "b\"", "c"};
  EXPECT_EQ(render_tei_ranks(scores, texts),
            R"([{"index":2,"text":"c","score":0.5},{"index":1,"text":"b\"","score":0.5},)"
            R"({"index":0,"text":"a","score":0.25}])");
}

TEST_F(TeiScores, Predictions) {
  model_.labels = {"joy", "fear"};
  const Scores scores = scores_of(2, {0.25F, 0.75F, 0.5F, 0.5F});
  Pace pace;
  EXPECT_EQ(render_tei_predictions(scores, true, model_, pace),
            R"([[{"score":0.75,"label":"fear"},{"score":0.25,"label":"joy"}],)"
            R"([{"score":0.5,"label":"fear"},{"score":0.5,"label":"joy"}]])");
  const Scores one = scores_of(2, {0.75F, 0.25F});
  EXPECT_EQ(render_tei_predictions(one, false, model_, pace),
            R"([{"score":0.75,"label":"joy"},{"score":0.25,"label":"fear"}])");
}

TEST_F(TeiScores, TheMemoryOfAnswersIsTheMostThatTheyTake) {
  ScoreCall call;
  const Scores scores = scores_of(1, std::vector<float>(2000, -1.2345678e-05F));
  call.documents.assign(2000, "\x01\x02");
  EXPECT_LE(render_tei_ranks(scores, call.documents).size(), most_of_ranks(call, true));
  EXPECT_LE(render_tei_ranks(scores, {}).size(), most_of_ranks(call, false));
  Pace pace;
  EXPECT_LE(render_tei_predictions(scores, true, model_, pace).size(),
            most_of_predictions(call, model_));
}

TEST_F(TeiScores, Sparse) {
  Embeddings rows;
  rows.rows = 3;
  rows.sparse = {{0, 2, 2, 3}, {3, 250001, 7}, {0.5F, 0.25F, 1.0F}};
  Pace pace;
  EXPECT_EQ(render_tei_sparse(rows, pace),
            R"([[{"index":3,"value":0.5},{"index":250001,"value":0.25}],[],)"
            R"([{"index":7,"value":1}]])");
}

}  // namespace
}  // namespace nestvec
