// SPDX-License-Identifier: Apache-2.0
// From pairs to scores, on a session whose outputs are known: what a classifier's callers get, and
// how their calls end.
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/score_plan.h"
#include "support/error_of.h"
#include "support/letter_tokenizer.h"
#include "support/request_account.h"

namespace nestvec {
namespace {

// The outputs of a sequence are its number of tokens, its last letter, and its tokens of type 1, as
// far as there are so many labels.
class FakeClassifier final : public Session {
 public:
  explicit FakeClassifier(std::size_t labels) : labels_(labels) {}

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override {
    options.control.check();
    ++runs;
    if (gate.valid()) gate.wait();
    options.control.check();
    out.rows.clear();
    EXPECT_EQ(batch.spans.size(), batch.sequences());
    for (std::size_t i = 0; i < batch.sequences(); ++i) {
      EXPECT_EQ(batch.spans[i].begin, batch.offsets[i]);
      EXPECT_EQ(batch.spans[i].end, batch.offsets[i] + 1);
      float second = 0;
      for (std::uint32_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
        second += batch.types.empty() ? 0.0f : static_cast<float>(batch.types[t]);
      }
      const float outputs[] = {static_cast<float>(batch.offsets[i + 1] - batch.offsets[i]),
                               static_cast<float>(batch.ids[batch.offsets[i + 1] - 2]), second};
      out.rows.insert(out.rows.end(), outputs, outputs + labels_);
      const bool breaks = batch.ids[batch.offsets[i] + 1] == unusable_id;
      if (breaks && !(options.full_precision && only_narrow)) out.rows.back() = NAN;
    }
  }
  std::size_t width() const noexcept override { return labels_; }

  int runs = 0;
  std::uint32_t unusable_id = 1000;
  bool only_narrow = false;
  std::shared_future<void> gate;

 private:
  const std::size_t labels_;
};

class ScoreTest : public testing::Test {
 protected:
  ScoreTest() { load(1); }

  void load(std::size_t labels, std::size_t max_tokens = 12) {
    engine_.reset();
    auto session = std::make_unique<FakeClassifier>(std::max<std::size_t>(labels, 1));
    session_ = session.get();
    ModelInfo info;
    info.id = "judge";
    info.max_tokens = max_tokens;
    ScoreRules rules;
    for (std::size_t i = 0; i < labels; ++i) rules.labels.push_back("label " + std::to_string(i));
    info.labels = rules.labels;
    rules.activation = labels > 1 ? ScoreActivation::kSoftmax : ScoreActivation::kSigmoid;
    engine_ =
        std::make_unique<const Model::Engine>(Model::Engine::Parts{.info = info,
                                                                   .tokenizer = letter_tokenizer(),
                                                                   .tasks = TaskTable({}, {}, ""),
                                                                   .pooling = Pooling::kCls,
                                                                   .max_batch_tokens = 30,
                                                                   .session = std::move(session),
                                                                   .scores = labels > 0,
                                                                   .score_rules = rules,
                                                                   .takes_types = true});
  }

  Scores rerank(const std::string& query, const std::vector<std::string>& documents,
                const ScoreOptions& options = {.activation = ScoreActivation::kNone}) {
    return engine_->rerank(query, documents, options);
  }
  Scores classify(const std::vector<TextPair>& pairs,
                  const ScoreOptions& options = {.activation = ScoreActivation::kNone}) {
    return engine_->classify(pairs, options);
  }

  FakeClassifier* session_ = nullptr;
  std::unique_ptr<const Model::Engine> engine_;
};

// <s> a b </s> c </s>
TEST_F(ScoreTest, DocumentsKeepTheirOrderWhateverTheBatches) {
  std::vector<std::string> documents;
  for (std::size_t i = 0; i < 20; ++i) {
    std::string text;
    for (std::size_t k = 0; k < i % 7; ++k) text += "c ";
    documents.push_back(text);
  }
  const Scores scores = rerank("a b", documents);
  EXPECT_EQ(scores.rows, 20u);
  EXPECT_EQ(scores.width, 1u);
  EXPECT_GT(session_->runs, 1);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    EXPECT_EQ(scores.values[i], static_cast<float>(5 + i % 7));
    EXPECT_EQ(scores.tokens[i], 5 + i % 7);
  }
  EXPECT_TRUE(scores.truncated.empty());
}

TEST_F(ScoreTest, NoDocumentsAreNoScores) {
  const Scores scores = rerank("a", {});
  EXPECT_EQ(scores.rows, 0u);
  EXPECT_EQ(scores.width, 1u);
  EXPECT_TRUE(scores.values.empty());
  EXPECT_EQ(classify({}).rows, 0u);
  EXPECT_EQ(session_->runs, 0);
}

TEST_F(ScoreTest, ActivationsAreTheModelsOrTheCallers) {
  const auto score = [&](ScoreActivation activation) {
    return rerank("", {""}, {.activation = activation}).values[0];
  };
  EXPECT_EQ(score(ScoreActivation::kNone), 3.0f);
  EXPECT_FLOAT_EQ(score(ScoreActivation::kSigmoid), 1 / (1 + std::exp(-3.0f)));
  EXPECT_EQ(score(ScoreActivation::kModel), score(ScoreActivation::kSigmoid));
  EXPECT_EQ(score(ScoreActivation::kSoftmax), 1.0f);
  load(3);
  const std::vector<float> soft = classify({{"a", "b"}}, {}).values;
  const std::vector<float> raw = classify({{"a", "b"}}).values;
  ASSERT_EQ(raw, (std::vector<float>{5, 4, 2}));  // <s> a </s> b </s>: b is 4, and two of type 1
  const double sum = std::exp(5.0) + std::exp(4.0) + std::exp(2.0);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_FLOAT_EQ(soft[k], static_cast<float>(std::exp(static_cast<double>(raw[k])) / sum));
  }
}

TEST_F(ScoreTest, TextsAloneAndPairsShareACall) {
  load(3);
  const Scores scores = classify({{"a b c"}, {"a", "b c"}, {"a"}});
  EXPECT_EQ(scores.rows, 3u);
  EXPECT_EQ(scores.values, (std::vector<float>{5, 5, 0, 6, 5, 3, 3, 3, 0}));
  EXPECT_EQ(scores.tokens, (std::vector<std::uint32_t>{5, 6, 3}));
}

TEST_F(ScoreTest, LongPairsAreCutOrRefused) {
  const std::string document = "a b c d e f g h i j k l m";
  const ScoreOptions raw{.activation = ScoreActivation::kNone};
  ScoreOptions options = raw;
  Scores scores = rerank("q", {"a", document, "b"}, options);
  EXPECT_EQ(scores.truncated, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(scores.tokens, (std::vector<std::uint32_t>{5, 12, 5}));
  options.truncation = Truncation::kError;
  const std::string error =
      error_of([&] { rerank("q", {"a", document}, options); }, ErrorCode::kOutOfRange);
  EXPECT_NE(error.find("pair 1 has 17 tokens"), std::string::npos) << error;
  options.max_document_tokens = 4;
  scores = rerank("q", {"a", document}, options);
  EXPECT_EQ(scores.tokens, (std::vector<std::uint32_t>{5, 8}));
  EXPECT_EQ(scores.truncated, (std::vector<std::uint32_t>{1}));
  // Which end stays: the last letter tells.
  load(2);
  options = raw;
  EXPECT_EQ(classify({{"q", document}}, options).values[1], 3 + 7.0f);  // h
  options.truncation = Truncation::kLeft;
  EXPECT_EQ(classify({{"q", document}}, options).values[1], 3 + 12.0f);  // m
}

TEST_F(ScoreTest, OnlyTheDocumentIsCutIfTheCallerSaysSo) {
  ScoreOptions options{.pair_truncation = PairTruncation::kOnlySecond};
  const std::string query = "a b c d e f g h";
  EXPECT_EQ(rerank(query, {"a b c"}, options).tokens[0], 12u);
  const std::string error = error_of([&] { rerank(query + " i", {"a"}, options); });
  EXPECT_NE(error.find("pair 0"), std::string::npos) << error;
}

TEST_F(ScoreTest, TheBestWindowCounts) {
  ScoreOptions options{.activation = ScoreActivation::kNone, .best_window = true};
  // Eight tokens of the document a window.
  const Scores scores = rerank("q", {"a", "a b c d e f g h i j k l m", ""}, options);
  EXPECT_EQ(scores.rows, 3u);
  EXPECT_EQ(scores.values, (std::vector<float>{5, 12, 4}));
  EXPECT_EQ(scores.tokens, (std::vector<std::uint32_t>{5, 24, 4}));
  EXPECT_TRUE(scores.truncated.empty());
  // A query that leaves too little is cut, or refused.
  const std::string query = "a b c d e f g h i j k";
  EXPECT_EQ(rerank(query, {"a b c d"}, options).truncated, (std::vector<std::uint32_t>{0}));
  options.truncation = Truncation::kError;
  EXPECT_NE(error_of([&] { rerank(query, {"a b c d"}, options); }, ErrorCode::kOutOfRange)
                .find("pair 0: its first text has 11 tokens"),
            std::string::npos);
  load(2);
  EXPECT_NE(error_of([&] { classify({{"a", "b"}}, options); }).find("best_window needs"),
            std::string::npos);
}

TEST_F(ScoreTest, AModelIsAskedForWhatItHas) {
  const std::vector<std::string> texts = {"a"};
  EXPECT_EQ(error_of([&] { engine_->embed(texts, {}, {}); }),
            "judge is a reranker, which has no vectors: use rerank()");
  EXPECT_EQ(error_of([&] { engine_->embed({}, {}, {}); }),
            "judge is a reranker, which has no vectors: use rerank()");
  EXPECT_EQ(error_of([&] { engine_->embed_tokens("a", {}); }),
            "judge is a reranker, which has no vectors: use rerank()");
  load(3);
  EXPECT_EQ(error_of([&] { rerank("a", {}); }),
            "judge is a classifier of several labels, no reranker: use classify()");
  EXPECT_EQ(error_of([&] { engine_->embed(texts, {}, {}); }),
            "judge is a classifier, which has no vectors: use classify()");
  load(0);
  EXPECT_EQ(error_of([&] { rerank("a", {}); }),
            "judge is an embedding model, which has no scores: use predict()");
  EXPECT_EQ(error_of([&] { classify({}); }),
            "judge is an embedding model, which has no scores: use predict()");
}

TEST_F(ScoreTest, WhatIsNotFiniteIsRunAgainOrNamed) {
  session_->unusable_id = 3 + 1;  // b
  const std::vector<TextPair> pairs = {{"a", "x"}, {"b", "x"}};
  EXPECT_EQ(error_of([&] { classify(pairs); }, ErrorCode::kInternal),
            "pair 1: the model computed a value that is not finite, in fp32 too");
  session_->only_narrow = true;
  EXPECT_EQ(classify(pairs).values, (std::vector<float>{5, 5}));
}

TEST_F(ScoreTest, CallsEndWhenTheyAreTold) {
  std::stop_source stop;
  stop.request_stop();
  const std::string many = "a b c d e f g";
  const std::vector<std::string> documents(2000, many);
  ScoreOptions options;
  options.stop = stop.get_token();
  error_of([&] { rerank("q", documents, options); }, ErrorCode::kCancelled);
  options.stop = {};
  options.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  error_of([&] { rerank("q", documents, options); }, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(session_->runs, 0);
  // In the queue, behind a call that runs.
  std::promise<void> open;
  session_->gate = open.get_future().share();
  std::promise<Result<Scores>> first;
  engine_->rerank_async("q", std::vector<std::string>{"a"}, {},
                        [&](Result<Scores> scores) { first.set_value(std::move(scores)); });
  std::stop_source later;
  options = {};
  options.stop = later.get_token();
  std::promise<Result<Scores>> second;
  engine_->rerank_async("q", documents, options,
                        [&](Result<Scores> scores) { second.set_value(std::move(scores)); });
  later.request_stop();
  error_of([&] { second.get_future().get().value(); }, ErrorCode::kCancelled);
  open.set_value();
  EXPECT_EQ(first.get_future().get().value().rows, 1u);
}

// A query stands in each of its pairs: a small body makes many tokens.
TEST_F(ScoreTest, TokensAndScoresArePaidBeforeTheyAreHeld) {
  const std::vector<std::string> documents(1000, "a");
  ScoreOptions options;
  options.queue.memory = request_account(20000);
  const std::string error =
      error_of([&] { rerank("a b c", documents, options); }, ErrorCode::kResourceExhausted);
  EXPECT_NE(error.find("server.request_memory"), std::string::npos) << error;
  EXPECT_EQ(session_->runs, 0);
  EXPECT_EQ(options.queue.memory->used(), 0u);
  options.queue.memory = request_account(1 << 20);
  {
    const Scores scores = rerank("a b c", documents, options);
    EXPECT_EQ(scores.rows, 1000u);
    EXPECT_EQ(options.queue.memory->used(), 1000 * sizeof(float));
    EXPECT_GT(options.queue.memory->peak(), 1000 * 7 * sizeof(std::uint32_t));
  }
  EXPECT_EQ(options.queue.memory->used(), 0u);
}

// One document of many windows is refused at the first that there is no room for.
TEST(PairPlannerTest, WindowsArePaidOneByOne) {
  const Tokenizer tokenizer = letter_tokenizer();
  PairRules rules;
  rules.text.max_tokens = 12;
  rules.text.pooling = Pooling::kCls;
  rules.text.vocabulary = 1000;
  rules.best_window = true;
  std::string document = "a";
  for (int i = 0; i < 1000; ++i) document += " b";
  std::vector<std::size_t> paid;
  rules.charge = [&](std::size_t bytes) { paid.push_back(bytes); };
  PairPlanner planner(tokenizer, rules);
  planner.set_first("q");
  const PairSequences whole = planner.plan(document, 0);
  EXPECT_GT(whole.windows.size(), 100u);
  ASSERT_EQ(paid.size(), whole.windows.size());
  for (std::size_t i = 0; i < paid.size(); ++i) {
    EXPECT_EQ(paid[i], sequence_bytes(whole.windows[i].ids.size(), whole.windows[i].types.size()));
  }
  paid.clear();
  rules.charge = [&](std::size_t bytes) {
    if (paid.size() == 3) throw Error(ErrorCode::kResourceExhausted, "no more");
    paid.push_back(bytes);
  };
  PairPlanner poor(tokenizer, rules);
  poor.set_first("q");
  error_of([&] { poor.plan(document, 0); }, ErrorCode::kResourceExhausted);
  EXPECT_EQ(paid.size(), 3u);
}

}  // namespace
}  // namespace nestvec
