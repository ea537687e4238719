// SPDX-License-Identifier: Apache-2.0
// A program of its own, whose operator new fails on the thread that asks the model: whatever it is
// that finds no memory, nothing is thrown, and the call ends once.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/memory_shortage.h"
#include "support/scripted_model.h"

namespace {

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): operator new has no arguments
thread_local bool marked = false;
thread_local long left = 0;  // allocations until they fail
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

}  // namespace

namespace nestvec {

bool allocation_fails() { return marked && left-- <= 0; }

namespace {

// How often a call has ended, and how.
struct Ending {
  std::atomic<int> times{0};
  std::atomic<bool> ok{false};
  std::atomic<ErrorCode> code{};

  template <typename T>
  void take(const Result<T>& result) {
    const bool was_marked = std::exchange(marked, false);
    ok = result.ok();
    if (!result.ok()) code = result.error().code();
    ++times;
    marked = was_marked;
  }
};

class Shortage : public testing::Test {
 protected:
  // Asks with ever more memory until there is enough; returns how often there was not.
  template <typename Ask>
  int ask_until_it_is_enough(const Ask& ask) {
    constexpr long kMost = 10'000;
    for (long memory = 0; memory < kMost; ++memory) {
      Ending ending;
      left = memory;
      EXPECT_NO_THROW(ask(ending)) << memory;
      marked = false;
      while (ending.times == 0) std::this_thread::yield();
      const QueueStatus queue = model_.queue();
      EXPECT_EQ(queue.texts, 0u) << memory;
      if (ending.ok) {
        model_.shut_down();  // what might still end a call a second time
        EXPECT_EQ(ending.times, 1);
        return static_cast<int>(memory);
      }
      EXPECT_EQ(ending.times, 1) << memory;
      EXPECT_EQ(ending.code, ErrorCode::kUnavailable) << memory;
    }
    ADD_FAILURE() << "it is never enough";
    return 0;
  }

  Model model_ = scripted_model(std::make_unique<ScriptedSession>());
};

TEST_F(Shortage, EndsACallForRowsOnce) {
  const std::vector<std::string> texts = {"a b c", "d e"};
  EmbedOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_GT(ask_until_it_is_enough([&](Ending& ending) {
              Model::Done done = [&ending](const Result<Embeddings>& rows) { ending.take(rows); };
              marked = true;
              model_.predict_async(texts, {}, options, std::move(done));
            }),
            5);
}

TEST_F(Shortage, EndsACallForTokenVectorsOnce) {
  EXPECT_GT(ask_until_it_is_enough([&](Ending& ending) {
              Model::TokensDone done = [&ending](const Result<TokenEmbeddings>& tokens) {
                ending.take(tokens);
              };
              marked = true;
              model_.tokenize_and_embed_async("a b c", {}, std::move(done));
            }),
            5);
}

// An error whose text takes memory, where there is none: another stands for it.
TEST_F(Shortage, EndsACallThatIsRefusedOnce) {
  EmbedOptions options;
  options.dimensions = 1000;
  for (long memory = 0; memory < 20; ++memory) {
    Ending ending;
    left = memory;
    const std::vector<std::string> texts = {"a"};
    Model::Done done = [&ending](const Result<Embeddings>& rows) { ending.take(rows); };
    marked = true;
    EXPECT_NO_THROW(model_.predict_async(texts, {}, options, std::move(done)));
    marked = false;
    EXPECT_EQ(ending.times, 1) << memory;
    EXPECT_FALSE(ending.ok);
  }
}

TEST_F(Shortage, EndsACallThatIsCancelledOnce) {
  auto session = std::make_unique<ScriptedSession>();
  ScriptedSession& scripted = *session;
  const Model model = scripted_model(std::move(session));
  scripted.gate.close();
  Ending first;
  Ending second;
  std::stop_source stop;
  EmbedOptions options;
  const std::vector<std::string> texts = {"a"};
  model.predict_async(texts, {}, options,
                      [&](const Result<Embeddings>& rows) { first.take(rows); });
  scripted.gate.wait_for_run();
  options.stop = stop.get_token();
  model.predict_async(texts, {}, options,
                      [&](const Result<Embeddings>& rows) { second.take(rows); });
  left = 0;
  marked = true;
  stop.request_stop();
  marked = false;
  EXPECT_EQ(second.times, 1);
  EXPECT_FALSE(second.ok);
  scripted.gate.open();
  while (first.times == 0) std::this_thread::yield();
  EXPECT_TRUE(first.ok);
}

}  // namespace
}  // namespace nestvec
