// SPDX-License-Identifier: Apache-2.0
// Prompts, truncation and late chunking on a tokenizer whose every word is one token.
#include "engine/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "support/error_of.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kBegin = 0;
constexpr std::uint32_t kEnd = 1;

// Words a..z are 3..28, anything else is [UNK] 2; "<s> $A </s>" as 0 and 1.
Tokenizer word_tokenizer() {
  std::string vocab = R"("<s>": 0, "</s>": 1, "[UNK]": 2)";
  for (char c = 'a'; c <= 'z'; ++c) {
    vocab += std::string(", \"") + c + "\": " + std::to_string(c - 'a' + 3);
  }
  return Tokenizer::parse(R"({"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [
      {"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true},
      {"id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true}],
    "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "</s>", "type_id": 0}}],
      "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                         "</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
    "decoder": null,
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {)" +
                              vocab + "}}}",
                          "words");
}

class PlanTest : public testing::Test {
 protected:
  PlanRules rules_ = {.max_tokens = 10};
  const Tokenizer tokenizer_ = word_tokenizer();
  const TaskChoice none_ = {};
  const TaskChoice prompted_ = {1, "p q "};
};

using Ids = std::vector<std::uint32_t>;

std::string text_of(const Ids& ids) {
  std::string text;
  for (const std::uint32_t id : ids) {
    if (!text.empty()) text += ' ';
    text += static_cast<char>('a' + id - 3);
  }
  return text;
}

TEST_F(PlanTest, PromptIsTokenisedWithTheTextAndPooledWithIt) {
  const TextPlan plan = plan_text(tokenizer_, rules_, prompted_, "a b", 0);
  EXPECT_EQ(plan.sequence.ids, (Ids{kBegin, 18, 19, 3, 4, kEnd}));
  EXPECT_EQ(plan.sequence.task, 1);
  ASSERT_EQ(plan.sequence.spans.size(), 1u);
  EXPECT_EQ(plan.sequence.spans[0].begin, 0u);
  EXPECT_EQ(plan.sequence.spans[0].end, 6u);
  rules_.add_prompt = false;
  EXPECT_EQ(plan_text(tokenizer_, rules_, prompted_, "a b", 0).sequence.ids,
            (Ids{kBegin, 3, 4, kEnd}));
}

TEST_F(PlanTest, ClsPoolingIsTheFirstToken) {
  rules_.pooling = Pooling::kCls;
  EXPECT_EQ(plan_text(tokenizer_, rules_, none_, "a b", 0).sequence.spans[0].end, 1u);
}

TEST_F(PlanTest, LastTokenPoolingIsTheLastTokenBehindAnyCut) {
  rules_.pooling = Pooling::kLast;
  const TextPlan plan = plan_text(tokenizer_, rules_, none_, "a b", 0);
  EXPECT_EQ(plan.sequence.spans[0].begin, 3u);
  EXPECT_EQ(plan.sequence.spans[0].end, 4u);
  EXPECT_EQ(plan_text(tokenizer_, rules_, none_, "a b c d e f g h i j", 0).sequence.spans[0].end,
            10u);
}

// As sentence-transformers counts: the prompt with the special tokens before it, as long as it is
// by itself.
TEST_F(PlanTest, APromptMayBeLeftOutOfThePool) {
  rules_.include_prompt = false;
  const auto span = [&](const TaskChoice& task, const std::string& text) {
    return plan_text(tokenizer_, rules_, task, text, 0).sequence.spans.at(0);
  };
  EXPECT_EQ(span(prompted_, "a b").begin, 3u);
  EXPECT_EQ(span(prompted_, "a b").end, 6u);
  EXPECT_EQ(span(prompted_, "").begin, 3u);
  EXPECT_EQ(span(none_, "a b").begin, 0u);
  rules_.add_prompt = false;
  EXPECT_EQ(span(prompted_, "a b").begin, 0u);
  rules_.add_prompt = true;
  rules_.pooling = Pooling::kCls;
  EXPECT_EQ(span(prompted_, "a b").begin, 3u);
  EXPECT_EQ(span(prompted_, "a b").end, 4u);
  rules_.pooling = Pooling::kLast;
  EXPECT_EQ(span(prompted_, "a b").begin, 5u);
  rules_.pooling = Pooling::kMean;
  const TaskChoice merged = {1, "p q r"};  // whose last word goes on in the text
  EXPECT_EQ(span(merged, "s").begin, 4u);
  rules_.max_tokens = 3;
  EXPECT_EQ(span(prompted_, "a b").begin, 2u);
}

TEST_F(PlanTest, ChunksLeaveOutThePromptAsTextsDo) {
  rules_.include_prompt = false;
  const std::vector<std::string> one = {"a b"};
  EXPECT_EQ(plan_late_chunks(tokenizer_, rules_, prompted_, one).windows[0].spans[0].begin, 3u);
  const std::vector<std::string> two = {"a b", "c"};
  const LateChunkPlan plan = plan_late_chunks(tokenizer_, rules_, prompted_, two);
  EXPECT_EQ(plan.windows[0].spans[0].begin, 3u);
  EXPECT_EQ(plan.windows[0].spans[0].end, 5u);
  EXPECT_EQ(plan.chunks[0][0].tokens, 2u);
}

TEST_F(PlanTest, TokensBeyondTheModelsTableAreNamed) {
  rules_.vocabulary = 28;  // without z
  EXPECT_EQ(plan_text(tokenizer_, rules_, none_, "a y", 0).sequence.ids.size(), 4u);
  const std::string expected =
      " has the token \"z\" (id 28), which the model's table of 28 tokens does not have";
  EXPECT_EQ(error_of([&] { plan_text(tokenizer_, rules_, none_, "a z", 3); }), "text 3" + expected);
  EXPECT_EQ(error_of([&] { plan_tokens(tokenizer_, rules_, none_, "z"); }), "the text" + expected);
  const std::vector<std::string> chunks = {"a", "z"};
  EXPECT_EQ(error_of([&] { plan_late_chunks(tokenizer_, rules_, none_, chunks); }),
            "the context of all chunks" + expected);
}

TEST_F(PlanTest, TruncationKeepsSpecialTokensAndThePrompt) {
  const std::string text = "a b c d e f g h i j";
  const TextPlan right = plan_text(tokenizer_, rules_, prompted_, text, 0);
  EXPECT_EQ(right.sequence.ids, (Ids{kBegin, 18, 19, 3, 4, 5, 6, 7, 8, kEnd}));
  EXPECT_TRUE(right.truncated);
  rules_.truncation = Truncation::kLeft;
  const TextPlan left = plan_text(tokenizer_, rules_, prompted_, text, 0);
  EXPECT_EQ(left.sequence.ids, (Ids{kBegin, 18, 19, 7, 8, 9, 10, 11, 12, kEnd}));
  EXPECT_TRUE(left.truncated);
  EXPECT_FALSE(plan_text(tokenizer_, rules_, prompted_, "a b c d e f", 0).truncated);
  rules_.truncation = Truncation::kError;
  EXPECT_EQ(
      error_of([&] { plan_text(tokenizer_, rules_, prompted_, text, 7); }, ErrorCode::kOutOfRange),
      "text 7 has 14 tokens with prompt and special tokens, the model takes 10; shorten it, or "
      "allow truncation");
}

TEST_F(PlanTest, TokenOffsetsReferToTheTextWithoutItsPrompt) {
  const TextPlan plan = plan_tokens(tokenizer_, rules_, prompted_, "a bc");
  EXPECT_EQ(plan.offsets, (std::vector<ByteRange>{{}, {}, {}, {0, 1}, {2, 4}, {}}));
}

TEST_F(PlanTest, OneChunkIsThePlainText) {
  const std::vector<std::string> chunks = {"a b c"};
  const LateChunkPlan plan = plan_late_chunks(tokenizer_, rules_, prompted_, chunks);
  const TextPlan text = plan_text(tokenizer_, rules_, prompted_, "a b c", 0);
  ASSERT_EQ(plan.windows.size(), 1u);
  EXPECT_EQ(plan.windows[0].ids, text.sequence.ids);
  ASSERT_EQ(plan.windows[0].spans.size(), 1u);
  EXPECT_EQ(plan.windows[0].spans[0].begin, 0u);
  EXPECT_EQ(plan.windows[0].spans[0].end, text.sequence.ids.size());
}

TEST_F(PlanTest, OneChunkMayBeEmpty) {
  for (const std::string empty : {"", "   "}) {
    const std::vector<std::string> chunks = {empty};
    const LateChunkPlan plan = plan_late_chunks(tokenizer_, rules_, prompted_, chunks);
    const TextPlan text = plan_text(tokenizer_, rules_, prompted_, empty, 0);
    ASSERT_EQ(plan.windows.size(), 1u);
    EXPECT_EQ(plan.windows[0].ids, text.sequence.ids);
    ASSERT_EQ(plan.chunks[0].size(), 1u);
    EXPECT_EQ(plan.chunks[0][0].tokens, text.sequence.ids.size());
    EXPECT_EQ(plan.windows[0].spans[0].end, text.sequence.ids.size());
  }
}

TEST_F(PlanTest, OuterChunksOwnSpecialTokensAndPrompt) {
  const std::vector<std::string> chunks = {"a b", "c", "d e"};
  const LateChunkPlan plan = plan_late_chunks(tokenizer_, rules_, prompted_, chunks);
  ASSERT_EQ(plan.windows.size(), 1u);
  EXPECT_EQ(plan.windows[0].ids, (Ids{kBegin, 18, 19, 3, 4, 5, 6, 7, kEnd}));
  const std::vector<Span>& spans = plan.windows[0].spans;
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].begin, 0u);
  EXPECT_EQ(spans[0].end, 5u);
  EXPECT_EQ(spans[1].begin, 5u);
  EXPECT_EQ(spans[1].end, 6u);
  EXPECT_EQ(spans[2].begin, 6u);
  EXPECT_EQ(spans[2].end, 9u);
}

TEST_F(PlanTest, AChunkWithoutTokensIsNamed) {
  for (const std::string empty : {"", "   "}) {
    const std::vector<std::string> chunks = {"a", empty, "b"};
    EXPECT_NE(error_of([&] {
                plan_late_chunks(tokenizer_, rules_, none_, chunks);
              }).find("chunk 1 has no"),
              std::string::npos);
  }
}

TEST_F(PlanTest, OverLongContextsAreRefusedOnRequest) {
  const std::vector<std::string> chunks = {"a b c d e", "f g h i j"};
  rules_.truncation = Truncation::kError;
  const std::string error = error_of([&] { plan_late_chunks(tokenizer_, rules_, none_, chunks); },
                                     ErrorCode::kOutOfRange);
  EXPECT_NE(error.find("has 12 tokens"), std::string::npos) << error;
}

// Every content token is owned once, by the chunk whose word it is, whatever the windows.
TEST_F(PlanTest, WindowsDivideTheContextAmongChunks) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    rules_.max_tokens = 6 + random() % 12;
    std::vector<std::string> chunks(1 + random() % 8);
    std::uint32_t word = 0;
    std::vector<Ids> expected(chunks.size());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      for (auto words = 1 + random() % 9; words > 0; --words, ++word) {
        expected[i].push_back(word % 26 + 3);
      }
      chunks[i] = text_of(expected[i]);
    }
    const LateChunkPlan plan = plan_late_chunks(tokenizer_, rules_, prompted_, chunks);
    std::vector<std::pair<const Sequence*, Span>> spans;
    for (const Sequence& window : plan.windows) {
      EXPECT_LE(window.ids.size(), rules_.max_tokens);
      EXPECT_EQ(window.ids[0], kBegin);
      EXPECT_EQ(window.ids.back(), kEnd);
      for (const Span& span : window.spans) spans.emplace_back(&window, span);
    }
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      Ids owned;
      for (const ChunkPiece& piece : plan.chunks[i]) {
        const auto& [window, span] = spans.at(piece.span);
        EXPECT_EQ(piece.tokens, span.end - span.begin);
        owned.insert(owned.end(), window->ids.begin() + span.begin, window->ids.begin() + span.end);
      }
      Ids whole = expected[i];
      if (i == 0) whole.insert(whole.begin(), {kBegin, 18, 19});
      if (i + 1 == chunks.size()) whole.push_back(kEnd);
      EXPECT_EQ(owned, whole) << "chunk " << i << " of round " << round;
    }
  }
}

// As many windows as chunks, where each window once looked at all chunks.
TEST_F(PlanTest, LateChunksTakeTwiceTheStepsForTwiceTheText) {
  const auto steps_of = [&](std::size_t count) {
    Pace pace;
    rules_.pace = &pace;
    const std::vector<std::string> chunks(count, "a b c");
    const LateChunkPlan plan = plan_late_chunks(tokenizer_, rules_, prompted_, chunks);
    EXPECT_GT(plan.windows.size(), count / 2);
    return pace.steps();
  };
  const std::uint64_t once = steps_of(2000);
  EXPECT_GT(once, 2000u);
  EXPECT_LE(steps_of(4000), once * 21 / 10);
}

TEST_F(PlanTest, EndsWhenNobodyWaits) {
  struct Gone {};
  const std::string text(1000000, 'x');
  const std::vector<std::string> chunks(100000, "a");
  const std::vector<std::function<void()>> work = {
      [&] { plan_text(tokenizer_, rules_, none_, text, 0); },
      [&] { plan_tokens(tokenizer_, rules_, none_, text); },
      [&] { plan_late_chunks(tokenizer_, rules_, none_, chunks); }};
  for (const std::function<void()>& plan : work) {
    std::size_t looks = 0;
    Pace pace([&looks] {
      if (++looks == 5) throw Gone();
    });
    rules_.pace = &pace;
    EXPECT_THROW(plan(), Gone);
    EXPECT_EQ(looks, 5u);
  }
}

}  // namespace
}  // namespace nestvec
