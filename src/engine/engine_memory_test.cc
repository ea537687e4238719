// SPDX-License-Identifier: Apache-2.0
// What answers are charged, from texts to rows.
#include <gtest/gtest.h>

#include "base/memory_account.h"
#include "engine/engine.h"
#include "support/letter_tokenizer.h"
#include "support/timed_session.h"

namespace nestvec {
namespace {

constexpr std::size_t kRowBytes = TimedSession::kWidth * sizeof(float);

class EngineMemory : public testing::Test {
 protected:
  explicit EngineMemory(std::uint64_t cache_bytes = 0) {
    auto session = std::make_unique<TimedSession>(clock_, 1000);
    session_ = session.get();
    ModelInfo info;
    info.max_tokens = 16;
    info.dimensions = TimedSession::kWidth;
    info.matryoshka_dimensions = {1, 2};
    engine_ = std::make_unique<const Model::Engine>(
        Model::Engine::Parts{info, letter_tokenizer(), TaskTable({}, {}, ""), Pooling::kMean, false,
                             16, std::move(session), 0, cache_bytes});
  }

  EmbedOptions charged() const {
    EmbedOptions options;
    options.queue.memory = account_;
    return options;
  }

  ManualClock clock_;
  TimedSession* session_ = nullptr;
  std::unique_ptr<const Model::Engine> engine_;
  std::shared_ptr<MemoryAccount> account_ =
      std::make_shared<MemoryAccount>("server.request_memory", 100 * kRowBytes);
};

TEST_F(EngineMemory, RowsAreChargedUntilTheAnswerIsGone) {
  {
    const Embeddings rows = engine_->embed(std::vector<std::string>(10, "a b"), {}, charged());
    EXPECT_EQ(account_->used(), 10 * kRowBytes);      // the values
    EXPECT_EQ(account_->peak(), 2 * 10 * kRowBytes);  // and the rows that they were made of
    const Embeddings copy = rows;
    EXPECT_EQ(account_->used(), 10 * kRowBytes);
  }
  EXPECT_EQ(account_->used(), 0u);
}

TEST_F(EngineMemory, CutRowsAreChargedAsTheyAre) {
  EmbedOptions options = charged();
  options.dimensions = 1;
  const Embeddings rows = engine_->embed(std::vector<std::string>(10, "a b"), {}, options);
  EXPECT_EQ(account_->used(), 10 * sizeof(float));
  EXPECT_EQ(account_->used(), rows.values.size() * sizeof(float));
}

TEST_F(EngineMemory, TokenEmbeddingsAreChargedByTheirTokens) {
  {
    const TokenEmbeddings tokens = engine_->embed_tokens("a b c", charged());
    EXPECT_EQ(tokens.tokens, 5u);
    EXPECT_EQ(account_->used(), 5 * kRowBytes);
  }
  EXPECT_EQ(account_->used(), 0u);
}

TEST_F(EngineMemory, EveryWindowsSpansAreChargedInLateChunking) {
  EmbedOptions options = charged();
  options.late_chunking = true;
  const Embeddings rows =
      engine_->embed(std::vector<std::string>{"a b", "c", "d e f"}, {}, options);
  EXPECT_EQ(rows.rows, 3u);
  EXPECT_EQ(account_->used(), 3 * kRowBytes);
  EXPECT_EQ(account_->peak(), 6 * kRowBytes);
}

TEST_F(EngineMemory, AnAnswerThatCouldNeverFitIsRefusedBeforeAnythingRuns) {
  try {
    engine_->embed(std::vector<std::string>(51, "a b"), {}, charged());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_NE(std::string(error.what()).find("server.request_memory"), std::string::npos);
  }
  EXPECT_TRUE(session_->batches().empty());
  EXPECT_EQ(account_->used(), 0u);
  EXPECT_EQ(account_->peak(), 0u);
}

class CachedEngineMemory : public EngineMemory {
 protected:
  CachedEngineMemory() : EngineMemory(1 << 20) {}
};

TEST_F(CachedEngineMemory, RowsFromTheCacheAreChargedToo) {
  const std::vector<std::string> texts = {"a", "b", "a b"};
  const Embeddings first = engine_->embed(texts, {}, {});
  {
    const Embeddings again = engine_->embed(texts, {}, charged());
    EXPECT_EQ(again.values, first.values);
    EXPECT_EQ(account_->used(), 3 * kRowBytes);
    EXPECT_EQ(account_->peak(), 6 * kRowBytes);
  }
  {
    const Embeddings mixed = engine_->embed(std::vector<std::string>{"b", "c", "a"}, {}, charged());
    EXPECT_EQ(std::vector<float>(mixed.row(0).begin(), mixed.row(0).end()),
              std::vector<float>(first.row(1).begin(), first.row(1).end()));
    EXPECT_EQ(std::vector<float>(mixed.row(2).begin(), mixed.row(2).end()),
              std::vector<float>(first.row(0).begin(), first.row(0).end()));
  }
  EXPECT_EQ(account_->used(), 0u);
  EXPECT_EQ(engine_->cache_status().hits, 5u);
}

}  // namespace
}  // namespace nestvec
