// SPDX-License-Identifier: Apache-2.0
// Twice the text takes twice the steps, whatever the text is, and nobody waits for what nobody
// wants. Steps are counted, not timed.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/pace.h"
#include "support/folders.h"
#include "support/slow_run.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// Of every component, and one whose added token is white space that takes more of it along.
std::vector<std::pair<std::string, Tokenizer>> all_tokenizers() {
  std::vector<std::pair<std::string, Tokenizer>> all;
  for (const auto& entry : fs::directory_iterator(test_data() + "/tokenizer/components")) {
    if (entry.path().extension() != ".json") continue;
    all.emplace_back(entry.path().stem().string(), Tokenizer::load(entry.path().string()));
  }
  constexpr std::string_view kGreedySpace = R"({"version": "1.0", "added_tokens": [
      {"id": 1, "content": " ", "lstrip": true, "rstrip": true, "normalized": false},
      {"id": 2, "content": "\n", "rstrip": true, "normalized": true}],
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 1000000000,
              "vocab": {"[UNK]": 0, " ": 1, "\n": 2, "a": 3, "##a": 4, "##aaaaaaab": 5}}})";
  all.emplace_back("greedy space", Tokenizer::parse(kGreedySpace, "greedy space"));
  return all;
}

// What careless loops look at again and again: characters that join, sort, vanish or are unknown.
std::vector<std::string> hostile_pieces() {
  return {"a",
          " ",
          "\n",
          " a",
          ".",
          "\u0301",              // a mark
          "\u0301\u0323",        // marks in the wrong order
          "\u00e9",              // decomposes
          "e\u0301",             // composes
          "\u1100\u1161\u11a8",  // Hangul
          "\u0915\u094d",        // a conjunct that goes on
          "\U0001f1e9",          // halves of flags
          "\U0001f469\u200d",    // emoji that join
          "\ufdfa",              // 18 characters when compatible
          "\ufe0f",
          "\u3164",
          "\u2060",
          "\u00ad",
          "\u2800",
          "\u3000",
          "\u4e2d",
          "\u2581",  // the space of sentencepiece
          "<",       // begins added tokens
          "<mask",
          "<s>",
          "hat ",
          "\xff",  // no UTF-8
          std::string("\0", 1)};
}

std::string repeated(const std::string& piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

std::uint64_t steps_of(const std::function<void(Pace&)>& work) {
  Pace pace;
  work(pace);
  return pace.steps();
}

std::uint64_t encode_steps(const Tokenizer& tokenizer, const std::string& text) {
  return steps_of([&](Pace& pace) {
    EncodeOptions options;
    options.pace = &pace;
    tokenizer.encode(text, options);
  });
}

TEST(LinearTokenizer, TwiceTheTextTakesTwiceTheSteps) {
  constexpr std::size_t kCount = kSlowRun ? 700 : 1000;
  for (const auto& [name, tokenizer] : all_tokenizers()) {
    for (const std::string& piece : hostile_pieces()) {
      for (const char* head : {"", "a "}) {
        const std::uint64_t once = encode_steps(tokenizer, head + repeated(piece, kCount));
        const std::uint64_t twice = encode_steps(tokenizer, head + repeated(piece, 2 * kCount));
        EXPECT_GE(once, kCount) << name << ": steps are not counted";
        EXPECT_LE(twice, once * 21 / 10) << name << ", " << piece;
      }
    }
  }
}

TEST(LinearTokenizer, TwiceTheIdsTakeTwiceTheSteps) {
  for (const auto& [name, tokenizer] : all_tokenizers()) {
    for (std::uint32_t id = 0; id < 12 && id < tokenizer.vocabulary_size(); ++id) {
      if (tokenizer.id_to_token(id).empty()) continue;
      const auto steps = [&, &tokenizer = tokenizer](std::size_t count) {
        const std::vector<std::uint32_t> ids(count, id);
        return steps_of([&](Pace& pace) { tokenizer.decode(ids, false, pace); });
      };
      const std::uint64_t once = steps(1000);
      EXPECT_GE(once, 1000u) << name << ": steps are not counted";
      EXPECT_LE(steps(2000), once * 21 / 10) << name << ", id " << id;
    }
  }
}

TEST(LinearTokenizer, EndsWhenNobodyWaits) {
  struct Gone {};
  const std::string text = repeated("a\u0301 \ufdfa", 200000);
  const std::vector<std::uint32_t> ids(500000, 3);
  for (const auto& [name, tokenizer] : all_tokenizers()) {
    const Tokens before = tokenizer.encode("a e\u0301 \ufdfa");
    for (const std::size_t enough : {1u, 4u, 40u}) {
      std::size_t looks = 0;
      Pace pace([&looks, enough] {
        if (++looks == enough) throw Gone();
      });
      EncodeOptions options;
      options.pace = &pace;
      EXPECT_THROW(tokenizer.encode(text, options), Gone) << name;
      EXPECT_EQ(looks, enough) << name;
    }
    std::size_t looks = 0;
    Pace pace([&looks] {
      if (++looks == 3) throw Gone();
    });
    EXPECT_THROW(tokenizer.decode(ids, false, pace), Gone) << name;
    // Nothing of what was given up stays behind.
    const Tokens after = tokenizer.encode("a e\u0301 \ufdfa");
    EXPECT_EQ(after.ids, before.ids) << name;
    EXPECT_EQ(after.offsets, before.offsets) << name;
  }
}

}  // namespace
}  // namespace nestvec
