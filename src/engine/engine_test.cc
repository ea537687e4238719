// SPDX-License-Identifier: Apache-2.0
// The line from texts to rows, on a session whose token embeddings are known.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "ops/pool.h"
#include "support/letter_tokenizer.h"

namespace nestvec {
namespace {

constexpr std::size_t kWidth = 8;

// Token embeddings that depend on id, task and nothing else, so that every grouping must agree.
class FakeSession final : public Session {
 public:
  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override {
    options.control.check();
    EXPECT_EQ(running_.fetch_add(1), 0) << "runs overlap";
    ++runs;
    if (stop_after == runs) stop.request_stop();
    longest_batch = std::max(longest_batch, batch.tokens());
    std::vector<float> hidden;
    for (std::size_t i = 0; i < batch.sequences(); ++i) {
      for (std::uint32_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
        for (std::size_t k = 0; k < kWidth; ++k) {
          hidden.push_back(std::sin(static_cast<float>(batch.ids[t] * (k + 1)) +
                                    static_cast<float>(batch.tasks[i])));
        }
      }
    }
    out.rows.resize(batch.spans.size() * kWidth);
    for (std::size_t s = 0; s < batch.spans.size(); ++s) {
      const Span span = batch.spans[s];
      pool_mean({hidden.data() + span.begin * kWidth, (span.end - span.begin) * kWidth},
                {out.rows.data() + s * kWidth, kWidth});
    }
    out.tokens = options.want_tokens ? hidden : std::vector<float>();
    if (!options.full_precision || always_overflows) overflow(batch, out);
    running_.fetch_sub(1);
  }
  std::size_t width() const noexcept override { return kWidth; }

  std::size_t longest_batch = 0;
  int runs = 0;
  // Sequences that begin with this id leave the range of the narrow arithmetic.
  std::uint32_t overflowing_id = 1000;
  bool always_overflows = false;
  int stop_after = 0;
  std::stop_source stop;

 private:
  void overflow(const PackedBatch& batch, RunOutput& out) const {
    for (std::size_t s = 0; s < batch.spans.size(); ++s) {
      const std::uint32_t content = batch.spans[s].begin + 1;
      if (batch.ids[content] == overflowing_id) out.rows[s * kWidth + 5] = std::nanf("");
    }
    if (!out.tokens.empty() && batch.ids[1] == overflowing_id) out.tokens[2] = std::nanf("");
  }

  std::atomic<int> running_{0};
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() : EngineTest(64, 100) {}
  EngineTest(std::size_t max_tokens, std::size_t max_batch_tokens) {
    auto session = std::make_unique<FakeSession>();
    session_ = session.get();
    ModelInfo info;
    info.max_tokens = max_tokens;
    info.dimensions = kWidth;
    engine_ = std::make_unique<const Model::Engine>(Model::Engine::Parts{
        info, letter_tokenizer(), TaskTable({"one", "two"}, {{"two", "p q "}}, "none"),
        Pooling::kMean, true, max_batch_tokens, std::move(session), 0, 0});
    for (int i = 0; i < 40; ++i) {
      std::string text;
      for (int w = 0; w <= (i * 7) % 30; ++w)
        text += std::string(1, static_cast<char>('a' + (i + w) % 26)) + " ";
      texts_.push_back(text);
    }
  }

  static float norm(std::span<const float> row) {
    double sum = 0;
    for (const float value : row) sum += static_cast<double>(value) * static_cast<double>(value);
    return static_cast<float>(std::sqrt(sum));
  }

  FakeSession* session_ = nullptr;
  std::unique_ptr<const Model::Engine> engine_;
  std::vector<std::string> texts_;
};

TEST_F(EngineTest, RowsKeepTheOrderOfTheTextsWhateverTheBatches) {
  const Embeddings together = engine_->embed(texts_, {}, {});
  EXPECT_LE(session_->longest_batch, 100u);
  ASSERT_EQ(together.rows, texts_.size());
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const Embeddings alone = engine_->embed({&texts_[i], 1}, {}, {});
    const std::span<const float> row = together.row(i);
    EXPECT_TRUE(std::equal(row.begin(), row.end(), alone.values.begin())) << i;
    EXPECT_NEAR(norm(row), 1.0f, 1e-6f);
    EXPECT_EQ(alone.tokens[0], together.tokens[i]);
  }
}

TEST_F(EngineTest, MixedTasksEqualSingleTasks) {
  std::vector<std::string> tasks;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    tasks.emplace_back(i % 3 == 0 ? "one" : i % 3 == 1 ? "two" : "");
  }
  const Embeddings mixed = engine_->embed(texts_, tasks, {});
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const Embeddings alone = engine_->embed({&texts_[i], 1}, {}, {.task = tasks[i]});
    const std::span<const float> row = mixed.row(i);
    EXPECT_TRUE(std::equal(row.begin(), row.end(), alone.values.begin())) << i;
  }
}

TEST_F(EngineTest, DimensionsAreCutBeforeNormalising) {
  const Embeddings whole = engine_->embed(texts_, {}, {.normalize = false});
  const Embeddings cut = engine_->embed(texts_, {}, {.dimensions = 3});
  ASSERT_EQ(cut.width, 3u);
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const std::span<const float> first = whole.row(i).first(3);
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(cut.row(i)[k], first[k] / norm(first), 1e-6f);
  }
}

// Jina's identity: the token-weighted mean of the chunks' raw vectors is the raw vector of the
// whole.
TEST_F(EngineTest, LateChunksSumUpToTheWholeText) {
  const std::vector<std::string> chunks = {"a b c", "d", "e f g h i", "j k"};
  EmbedOptions options;
  options.task = "two";
  options.normalize = false;
  const Embeddings whole =
      engine_->embed(std::vector<std::string>{"a b c d e f g h i j k"}, {}, options);
  options.late_chunking = true;
  const Embeddings late = engine_->embed(chunks, {}, options);
  ASSERT_EQ(late.rows, chunks.size());
  EXPECT_EQ(late.tokens, (std::vector<std::uint32_t>{6, 1, 5, 3}));
  for (std::size_t k = 0; k < kWidth; ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      sum += static_cast<double>(late.row(i)[k]) * late.tokens[i];
    }
    EXPECT_NEAR(sum / whole.tokens[0], static_cast<double>(whole.values[k]), 1e-6);
  }
}

TEST_F(EngineTest, TruncatedTextsAreReported) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a ";
  const std::vector<std::string> texts = {"a", text, "b", text};
  const Embeddings out = engine_->embed(texts, {}, {});
  EXPECT_EQ(out.truncated, (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(out.tokens, (std::vector<std::uint32_t>{3, 64, 3, 64}));
}

TEST_F(EngineTest, TokensOfOneTextPoolToItsVector) {
  const TokenEmbeddings tokens = engine_->embed_tokens("a b c", {.task = "two"});
  ASSERT_EQ(tokens.tokens, 7u);
  EXPECT_EQ(tokens.ids, (std::vector<std::uint32_t>{0, 18, 19, 3, 4, 5, 1}));
  EXPECT_EQ(tokens.offsets[3], (std::pair<std::uint32_t, std::uint32_t>{0, 1}));
  EXPECT_EQ(tokens.offsets[6], (std::pair<std::uint32_t, std::uint32_t>{0, 0}));
  std::vector<float> pooled(kWidth);
  pool_mean(tokens.values, pooled);
  const Embeddings row =
      engine_->embed(std::vector<std::string>{"a b c"}, {}, {.task = "two", .normalize = false});
  for (std::size_t k = 0; k < kWidth; ++k) EXPECT_NEAR(pooled[k], row.values[k], 1e-6f);
}

TEST_F(EngineTest, BadCallsAreRefused) {
  const auto refuses = [&](std::span<const std::string> tasks, const EmbedOptions& options) {
    try {
      engine_->embed(texts_, tasks, options);
    } catch (const Error& error) {
      return error.code() == ErrorCode::kInvalidArgument;
    }
    return false;
  };
  EXPECT_TRUE(refuses({}, {.dimensions = kWidth + 1}));
  EXPECT_TRUE(refuses({}, {.task = "nope"}));
  const std::vector<std::string> few = {"one"};
  EXPECT_TRUE(refuses(few, {}));
  const std::vector<std::string> enough(texts_.size(), "one");
  EXPECT_TRUE(refuses(enough, {.late_chunking = true}));
  EXPECT_EQ(engine_->embed({}, {}, {}).rows, 0u);
}

constexpr std::uint32_t kLetterB = 4;

TEST_F(EngineTest, WhatOverflowsIsRunAgainInFullPrecision) {
  const Embeddings expected = engine_->embed(texts_, {}, {});
  const TokenEmbeddings expected_tokens = engine_->embed_tokens("b c", {});
  session_->overflowing_id = kLetterB;
  EXPECT_EQ(engine_->embed(texts_, {}, {}).values, expected.values);
  EXPECT_EQ(engine_->embed_tokens("b c", {}).values, expected_tokens.values);
}

TEST_F(EngineTest, WhatIsNotFiniteEvenThenIsAnErrorThatNamesTheText) {
  session_->overflowing_id = kLetterB;
  session_->always_overflows = true;
  const std::vector<std::string> texts = {"a", "c d", "b c"};
  const auto message = [&](auto call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInternal);
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message([&] { engine_->embed(texts, {}, {}); }).find("text 2"), std::string::npos);
  EXPECT_NE(message([&] { engine_->embed_tokens("b", {}); }).find("not finite"), std::string::npos);
  EXPECT_EQ(engine_->embed({texts.data(), 2}, {}, {}).rows, 2u);
}

TEST_F(EngineTest, WorkEndsBetweenBatchesWhenToldTo) {
  session_->stop_after = 2;
  try {
    engine_->embed(texts_, {}, {.stop = session_->stop.get_token()});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(session_->runs, 2);
}

TEST_F(EngineTest, ManyThreadsGetTheirOwnRows) {
  const Embeddings expected = engine_->embed(texts_, {}, {});
  std::vector<std::jthread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round) {
        const auto i = static_cast<std::size_t>((t * 5 + round * 3) % 40);
        const Embeddings alone = engine_->embed({&texts_[i], 1}, {}, {});
        const std::span<const float> row = expected.row(i);
        if (!std::equal(row.begin(), row.end(), alone.values.begin())) ++wrong;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace nestvec
