// SPDX-License-Identifier: Apache-2.0
// Properties that hold for every text, bad input, and use from several threads.
#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/utf8.h"
#include "nestvec/error.h"
#include "support/folders.h"
#include "support/slow_run.h"

namespace nestvec {
namespace {

const std::string kComponents = test_data() + "/tokenizer/components/";

Tokenizer component(const std::string& name) {
  return Tokenizer::load(kComponents + name + ".json");
}

// Tokenizers of every kind of pipeline.
std::vector<std::string> various() {
  return {"model_unigram_plain",
          "model_byte_fallback",
          "model_wordpiece_plain",
          "norm_charsmap_u",
          "norm_nfkd_u",
          "norm_bert_1111",
          "norm_prepend_word_u",
          "pre_split_then_metaspace_u",
          "pre_metaspace_first_whole_u",
          "pre_whitespace_u",
          "post_roberta_11_spaces",
          "added_normalized1_special0",
          "added_l1r1w1",
          "norm_replace_delete_u",
          "pre_punctuation_contiguous_w"};
}

// Text of parts that are awkward for one component or another.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kParts = {"a",
                                                  "aaa",
                                                  "hello",
                                                  "Hello",
                                                  " ",
                                                  "  ",
                                                  "\t",
                                                  "\r\n",
                                                  "<mask>",
                                                  "<s>",
                                                  "[MASK]",
                                                  "hat",
                                                  "e\u0301",
                                                  "\u00e9",
                                                  "\u2581",
                                                  "\ufb01",
                                                  "\u4f60\u597d",
                                                  "\uc548",
                                                  "\u1100\u1161\u11ab",
                                                  "\U0001f44d\U0001f3fd",
                                                  "\u200d",
                                                  "\u0301\u0323",
                                                  "\u3000",
                                                  "\u00a0",
                                                  ".",
                                                  "--",
                                                  "1",
                                                  std::string(1, '\0'),
                                                  "\ufffd",
                                                  "\u200b"};
  std::string text;
  for (std::size_t n = random() % 20; n > 0; --n) text += kParts[random() % kParts.size()];
  return text;
}

bool on_boundary(std::string_view text, std::uint32_t position) {
  return position == text.size() ||
         (position < text.size() && (static_cast<unsigned char>(text[position]) & 0xC0) != 0x80);
}

TEST(Tokenizer, OffsetsAreOrderedRangesOfWholeCharacters) {
  std::mt19937 random(1);
  for (const std::string& name : various()) {
    const Tokenizer tokenizer = component(name);
    for (int i = 0; i < 200; ++i) {
      const std::string text = random_text(random);
      SCOPED_TRACE(name + ": " + text);
      const Tokens tokens = tokenizer.encode(text);
      ByteRange previous;
      for (std::size_t k = 0; k < tokens.ids.size(); ++k) {
        EXPECT_FALSE(tokenizer.id_to_token(tokens.ids[k]).empty());
        if (tokens.special[k] != 0) {
          EXPECT_EQ(tokens.offsets[k], ByteRange{});
          continue;
        }
        EXPECT_LE(tokens.offsets[k].begin, tokens.offsets[k].end);
        EXPECT_LE(tokens.offsets[k].end, text.size());
        EXPECT_TRUE(on_boundary(text, tokens.offsets[k].begin));
        EXPECT_TRUE(on_boundary(text, tokens.offsets[k].end));
        EXPECT_GE(tokens.offsets[k].begin, previous.begin);
        EXPECT_GE(tokens.offsets[k].end, previous.end);
        previous = tokens.offsets[k];
      }
    }
  }
}

// Without a normalizer nothing gets lost: the tokens' ranges are the text.
TEST(Tokenizer, RangesOfAnUnchangedTextAreTheText) {
  const Tokenizer tokenizer = component("pre_none_u");
  std::mt19937 random(2);
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_text(random);
    std::string joined;
    for (const ByteRange& range : tokenizer.encode(text, {.parse_special = false}).offsets) {
      joined += text.substr(range.begin, range.end - range.begin);
    }
    EXPECT_EQ(joined, text);
  }
}

TEST(Tokenizer, TruncatesToAnySize) {
  std::mt19937 random(3);
  for (const std::string& name : various()) {
    const Tokenizer tokenizer = component(name);
    const std::size_t special = tokenizer.added_special_tokens();
    for (int i = 0; i < 40; ++i) {
      const std::string text = random_text(random);
      SCOPED_TRACE(name + ": " + text);
      const std::vector<std::uint32_t> whole = tokenizer.encode(text, {.add_special = false}).ids;
      const std::size_t keep = random() % (whole.size() + 2);
      const bool left = random() % 2 == 0;
      if (keep + special == 0) continue;
      const Tokens cut =
          tokenizer.encode(text, {.max_tokens = keep + special, .truncate_left = left});
      const std::size_t kept = std::min(keep, whole.size());
      EXPECT_EQ(cut.truncated, kept < whole.size());
      ASSERT_EQ(cut.ids.size(), kept + special);
      std::vector<std::uint32_t> inside;
      for (std::size_t k = 0; k < cut.ids.size(); ++k) {
        if (cut.special[k] == 0) inside.push_back(cut.ids[k]);
      }
      const auto from = whole.begin() + static_cast<std::ptrdiff_t>(left ? whole.size() - kept : 0);
      EXPECT_EQ(inside, std::vector<std::uint32_t>(from, from + static_cast<std::ptrdiff_t>(kept)));
    }
  }
}

TEST(Tokenizer, RefusesALimitBelowTheSpecialTokens) {
  const Tokenizer tokenizer = component("model_unigram_plain");
  try {
    tokenizer.encode("hello", {.max_tokens = 1});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_STREQ(error.what(), "max_tokens 1 is less than the 2 special tokens that are added");
  }
  EXPECT_EQ(tokenizer.encode("hello", {.max_tokens = 2}).ids, (std::vector<std::uint32_t>{0, 2}));
}

TEST(Tokenizer, RepairsIllFormedText) {
  const Tokenizer tokenizer = component("model_unigram_plain");
  const std::string broken = "a\xFF b\xE4\xBD";
  const Tokens tokens = tokenizer.encode(broken);
  const Tokens repaired = tokenizer.encode("a\xEF\xBF\xBD b\xEF\xBF\xBD");
  EXPECT_EQ(tokens.ids, repaired.ids);
  EXPECT_EQ(tokens.offsets, repaired.offsets);
}

TEST(Tokenizer, IsSafeFromSeveralThreads) {
  std::vector<Tokenizer> tokenizers;
  for (const std::string& name : various()) tokenizers.push_back(component(name));
  const auto encode_all = [&](std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::uint32_t> ids;
    Tokens tokens;
    for (int i = 0; i < 300; ++i) {
      tokenizers[random() % tokenizers.size()].encode(random_text(random), {}, tokens);
      ids.insert(ids.end(), tokens.ids.begin(), tokens.ids.end());
    }
    return ids;
  };
  std::vector<std::vector<std::uint32_t>> results(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] { results[i] = encode_all(static_cast<std::uint32_t>(i / 2)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i], encode_all(static_cast<std::uint32_t>(i / 2)));
  }
}

// It ends, which it would not within the test's time in anything but linear time, and has a
// thousand times the tokens of a thousandth of it, but for the seams. (A tenth of that under
// sanitizers, which are ten times as slow.)
TEST(Tokenizer, TakesAMillionOfTheSame) {
  for (const std::string name :
       {"model_unigram_plain", "norm_charsmap_u", "norm_nfkd_u", "norm_bert_1111", "added_l1r1w1",
        "pre_metaspace_always_split_u"}) {
    const Tokenizer tokenizer = component(name);
    for (const std::string part :
         {"a", " ", "\u0301", "\u1100", "\u200d", "<", "\u2581", "<mask>", "\U0001f44d"}) {
      SCOPED_TRACE(name + ": " + part);
      std::string text = "x";
      for (int i = 0; i < 1000; ++i) text += part;
      const std::size_t thousand = tokenizer.encode(text, {.add_special = false}).ids.size();
      constexpr std::size_t kTimes = kSlowRun ? 100 : 1000;
      while (text.size() < 1 + 1000 * kTimes * part.size()) text += part;
      const std::size_t million = tokenizer.encode(text, {.add_special = false}).ids.size();
      EXPECT_NEAR(static_cast<double>(million), double{kTimes} * static_cast<double>(thousand),
                  0.01 * static_cast<double>(million) + 3000);
    }
  }
}

TEST(Tokenizer, KnowsItsVocabulary) {
  const Tokenizer tokenizer = component("added_l0r0w0");
  const auto hat = tokenizer.token_to_id("hat");
  ASSERT_TRUE(hat);
  EXPECT_EQ(tokenizer.vocabulary_size(), *hat + 1U);  // the only token beyond the model's
  EXPECT_EQ(tokenizer.id_to_token(*hat), "hat");
  EXPECT_EQ(tokenizer.id_to_token(*hat + 1), "");
  EXPECT_FALSE(tokenizer.token_to_id("no such token"));
  EXPECT_EQ(tokenizer.added_special_tokens(), 2U);
  for (std::uint32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    EXPECT_EQ(tokenizer.token_to_id(tokenizer.id_to_token(id)), id);
  }
}

TEST(Tokenizer, DecodeNamesTheIdThatDoesNotExist) {
  const Tokenizer tokenizer = component("model_unigram_plain");
  const std::vector<std::uint32_t> ids = {4, 123456};
  try {
    tokenizer.decode(ids);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "id 123456 at index 1 is not in the vocabulary");
  }
}

std::string unknown_unless(const std::string& normalizer, const NormalizerChanges& changes,
                           std::string_view text) {
  const std::string json = R"({"normalizer": )" + normalizer + R"(, "model": {"type": "WordPiece",
    "unk_token": "?", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
    "vocab": {"?": 0, "a\u00e9": 1, "ae": 2, "A\u00c9": 3, "b": 4}}})";
  const Tokenizer tokenizer = Tokenizer::parse(json, "t", changes);
  std::string tokens;
  for (const std::uint32_t id : tokenizer.encode(text).ids) tokens += tokenizer.id_to_token(id);
  return tokens;
}

TEST(Tokenizer, OtherFilesMayChangeTheNormalizer) {
  const auto bert = [](const std::string& lowercase, const std::string& accents) {
    return R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
               "lowercase": )" +
           lowercase + R"(, "strip_accents": )" + accents + "}";
  };
  const std::string text = "A\u00c9";
  EXPECT_EQ(unknown_unless(bert("false", "null"), {}, text), text);
  EXPECT_EQ(unknown_unless(bert("false", "null"), {.lowercase = true}, text), "ae");
  EXPECT_EQ(unknown_unless(bert("false", "false"), {.lowercase = true}, text), "a\u00e9");
  EXPECT_EQ(unknown_unless(bert("true", "null"), {.lowercase = false}, text), text);
  EXPECT_EQ(unknown_unless(bert("true", "null"), {.strip_accents = false}, text), "a\u00e9");
  EXPECT_EQ(unknown_unless("null", {.lowercase = true}, text), text);
  EXPECT_EQ(unknown_unless("null", {.lowercase_first = true}, text), "a\u00e9");
  EXPECT_EQ(unknown_unless(bert("false", "null"), {.lowercase_first = true}, text), "a\u00e9");
  // A Lowercase that is there already keeps its place.
  const std::string replace =
      R"({"type": "Replace", "pattern": {"String": "A"}, "content": "b"}, {"type": "Lowercase"})";
  const std::string steps = R"({"type": "Sequence", "normalizers": [)" + replace + "]}";
  EXPECT_EQ(unknown_unless(steps, {.lowercase_first = true}, "A"), "b");
}

TEST(Tokenizer, OtherFilesMayAddTokensAndRestateThem) {
  const auto ids = [](const NormalizerChanges& changes, std::string_view text) {
    return Tokenizer::parse(R"({"added_tokens": [{"id": 4, "content": "m", "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
        "model": {"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": {"?": 0, "a": 1, "b": 2, "##b": 3, "m": 4}}})",
                            "t", changes)
        .encode(text)
        .ids;
  };
  using Ids = std::vector<std::uint32_t>;
  const AddedToken alone = {.content = "m", .single_word = true, .normalized = false};
  EXPECT_EQ(ids({}, "ab"), (Ids{1, 3}));
  EXPECT_EQ(ids({}, "amb"), (Ids{1, 4, 2}));
  EXPECT_EQ(ids({.tokens = {{.content = "b"}}}, "ab"), (Ids{1, 2}));
  EXPECT_EQ(ids({.tokens = {{.content = "new"}}}, "anew"), (Ids{1, 5}));
  EXPECT_EQ(ids({.tokens = {alone}}, "amb"), (Ids{1, 4, 2}));  // it is there already
  EXPECT_EQ(ids({.restated = {alone}}, "amb"), Ids{0});
  EXPECT_EQ(ids({.restated = {alone}}, "m"), Ids{4});
  EXPECT_EQ(ids({.split_special = true}, "amb"), Ids{0});
}

}  // namespace
}  // namespace nestvec
