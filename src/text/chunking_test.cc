// SPDX-License-Identifier: Apache-2.0
#include "text/chunking.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

#include "base/utf8.h"
#include "text/sentence_marks.h"

namespace nestvec {
namespace {

using Texts = std::vector<std::string>;
using Offsets = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// Where the steps do not matter.
std::vector<ByteSpan> split_sentences(std::string_view text) {
  Pace pace;
  return nestvec::split_sentences(text, pace);
}

std::vector<ByteSpan> chunk_by_sentences(std::string_view text, std::size_t sentences) {
  Pace pace;
  return nestvec::chunk_by_sentences(text, sentences, pace);
}

std::vector<ByteSpan> chunk_by_tokens(std::string_view text, TokenOffsets offsets,
                                      std::size_t tokens) {
  Pace pace;
  return nestvec::chunk_by_tokens(text, offsets, tokens, pace);
}

ByteSpan trim(std::string_view text, ByteSpan span) {
  Pace pace;
  return nestvec::trim(text, span, pace);
}

Texts texts_of(std::string_view text, const std::vector<ByteSpan>& spans) {
  Texts texts;
  for (const ByteSpan& span : spans) texts.emplace_back(span.of(text));
  return texts;
}

Texts sentences(std::string_view text) { return texts_of(text, split_sentences(text)); }

TEST(Sentences, EndBehindTheirTerminators) {
  EXPECT_EQ(sentences("One. Two! Three? Four"), (Texts{"One. ", "Two! ", "Three? ", "Four"}));
  EXPECT_EQ(sentences("Wait... What?! Yes."), (Texts{"Wait... ", "What?! ", "Yes."}));
  EXPECT_EQ(sentences("She said \"Go.\" He went."), (Texts{"She said \"Go.\" ", "He went."}));
  EXPECT_EQ(sentences("(All of it.) Next."), (Texts{"(All of it.) ", "Next."}));
  EXPECT_EQ(sentences("One"), Texts{"One"});
}

TEST(Sentences, OfOtherScripts) {
  EXPECT_EQ(sentences("\u4eca\u5929\u5f88\u597d\u3002\u660e\u5929\u5462\uff1f\u300c\u597d\uff01"
                      "\u300d\u518d\u89c1"),
            (Texts{"\u4eca\u5929\u5f88\u597d\u3002", "\u660e\u5929\u5462\uff1f",
                   "\u300c\u597d\uff01\u300d", "\u518d\u89c1"}));
  EXPECT_EQ(sentences("\u092f\u0939 \u090f\u0915 \u0939\u0948\u0964 \u0935\u0939 \u0926\u094b "
                      "\u0939\u0948\u0964 \u0924\u0940\u0928"),
            (Texts{"\u092f\u0939 \u090f\u0915 \u0939\u0948\u0964 ",
                   "\u0935\u0939 \u0926\u094b \u0939\u0948\u0964 ", "\u0924\u0940\u0928"}));
  EXPECT_EQ(sentences("\u0647\u0644 \u0647\u0630\u0627\u061f \u0646\u0639\u0645."),
            (Texts{"\u0647\u0644 \u0647\u0630\u0627\u061f ", "\u0646\u0639\u0645."}));
  EXPECT_EQ(sentences("\u201eJa.\u201c Er ging."), (Texts{"\u201eJa.\u201c ", "Er ging."}));
  EXPECT_EQ(sentences("\uff13\uff0e\uff11\uff14\u3067\u3059\u3002"),
            Texts{"\uff13\uff0e\uff11\uff14\u3067\u3059\u3002"});
}

TEST(Sentences, FullStopsThatEndNothing) {
  for (const char* text :
       {"Dr. Smith met Mrs. Jones at 3.14 p.m. sharp", "J. R. R. Tolkien wrote",
        "See Fig. 3 and No. 5", "e.g. This one", "version 1.2.3 is out", "at example.com today",
        "z.B. Ein Hund", "She works for it. and so on", "1. Introduction", "U.S. Government"}) {
    EXPECT_EQ(sentences(text), Texts{text});
  }
  EXPECT_EQ(sentences("I said no. Then I left."), (Texts{"I said no. ", "Then I left."}));
  EXPECT_EQ(sentences("It was 12. Then 13."), (Texts{"It was 12. ", "Then 13."}));
}

TEST(Sentences, EndAtLines) {
  EXPECT_EQ(sentences("Title\nText begins"), (Texts{"Title\n", "Text begins"}));
  EXPECT_EQ(sentences("a line that\ngoes on"), Texts{"a line that\ngoes on"});
  EXPECT_EQ(sentences("a line that\r\ngoes on"), Texts{"a line that\r\ngoes on"});
  EXPECT_EQ(sentences("end\n\nof it"), (Texts{"end\n\n", "of it"}));
  EXPECT_EQ(sentences("end\r\n\r\nof it"), (Texts{"end\r\n\r\n", "of it"}));
  EXPECT_EQ(sentences("\n\n a"), Texts{"\n\n a"});
}

TEST(Sentences, NothingToBeSeenIsNone) {
  for (const char* text :
       {"", " ", "\n\n", "\t \xc2\xa0\xe3\x80\x80", "\xe2\x80\x8b\xef\xbb\xbf", "\xc2\xad"}) {
    EXPECT_TRUE(sentences(text).empty()) << text;
    EXPECT_TRUE(chunk_by_tokens(text, {}, 1).empty()) << text;
  }
}

TEST(Chunks, OfSeveralSentences) {
  const std::string text = "A b. C d. E f. G";
  EXPECT_EQ(texts_of(text, chunk_by_sentences(text, 2)), (Texts{"A b. C d. ", "E f. G"}));
  EXPECT_EQ(texts_of(text, chunk_by_sentences(text, 3)), (Texts{"A b. C d. E f. ", "G"}));
  EXPECT_EQ(texts_of(text, chunk_by_sentences(text, 100)), Texts{text});
}

// A token for each character that is no space.
Offsets tokens_of_characters(std::string_view text) {
  Offsets offsets = {{0, 0}};
  for (std::uint32_t i = 0; i < text.size();) {
    const DecodedCodePoint next = decode_utf8(text.substr(i));
    if (!is_white_space(next.code_point)) offsets.emplace_back(i, i + next.length);
    i += next.length;
  }
  offsets.emplace_back(0, 0);
  return offsets;
}

Texts by_tokens(std::string_view text, std::size_t tokens) {
  return texts_of(text, chunk_by_tokens(text, tokens_of_characters(text), tokens));
}

TEST(Chunks, OfTokensAreCutAtSpaces) {
  EXPECT_EQ(by_tokens("abcdef", 2), (Texts{"ab", "cd", "ef"}));
  EXPECT_EQ(by_tokens("abc defgh ij", 4), (Texts{"abc ", "defg", "h ij"}));
  EXPECT_EQ(by_tokens("a bcdefg", 4), (Texts{"a bcd", "efg"})) << "a space too far back";
  EXPECT_EQ(by_tokens("  ab  ", 1), (Texts{"  a", "b  "}));
  EXPECT_EQ(by_tokens("abc", 100), Texts{"abc"});
}

TEST(Chunks, TokensOfOneCharacterStayTogether) {
  const std::string text = "a\xf0\x9f\x98\x80z";
  const Offsets offsets = {{0, 1}, {1, 5}, {1, 5}, {1, 5}, {5, 6}};
  for (const std::size_t size : {1u, 2u}) {
    EXPECT_EQ(texts_of(text, chunk_by_tokens(text, offsets, size)),
              (Texts{"a", "\xf0\x9f\x98\x80", "z"}));
  }
}

// The promises of the header, on any text.
void expect_partition(std::string_view text, const std::vector<ByteSpan>& spans) {
  std::size_t end = 0;
  for (const ByteSpan& span : spans) {
    ASSERT_EQ(span.begin, end);
    ASSERT_GT(span.end, span.begin);
    end = span.end;
    ASSERT_TRUE(is_valid_utf8(span.of(text)));
    bool seen = false;
    for (std::string_view rest = span.of(text); !rest.empty() && !seen;) {
      const DecodedCodePoint next = decode_utf8(rest);
      seen = !is_invisible(next.code_point);
      rest.remove_prefix(next.length);
    }
    ASSERT_TRUE(seen) << "a blank chunk";
    ASSERT_FALSE(trim(text, span).of(text).empty());
  }
  ASSERT_TRUE(spans.empty() || end == text.size());
}

TEST(Chunks, CoverAnyTextInOrderAndAreNeverBlank) {
  const char* const pieces[] = {"a",      "B",      " ",      ".",      "!",      "?",
                                "\n",     "\r\n",   "\"",     ")",      "Dr",     "1",
                                "\u3002", "\uff1f", "\u300d", "\u00e9", "\u6f22", "\U0001f600",
                                "\t",     "...",    "\u3000", "\u200b", "\u0301", ". ",
                                "\n\n",   "e.g",    "\u2026", "x ",     "\u2029"};
  std::mt19937 random(7);
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t n = below(40); n > 0; --n) text += pieces[below(std::size(pieces))];
    SCOPED_TRACE(text);
    expect_partition(text, split_sentences(text));
    expect_partition(text, chunk_by_sentences(text, 1 + below(4)));
    expect_partition(text, chunk_by_tokens(text, tokens_of_characters(text), 1 + below(6)));
    // Offsets that no tokenizer would give must not do harm either.
    Offsets odd;
    for (std::size_t n = below(12); n > 0; --n) {
      odd.emplace_back(below(text.size() + 3), below(text.size() + 3));
    }
    expect_partition(text, chunk_by_tokens(text, odd, 1 + below(3)));
    if (HasFatalFailure()) return;
  }
}

TEST(Chunks, HaveAtMostSoManyTokens) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::string text = "x";
    for (std::size_t n = random() % 60; n > 0; --n) text += random() % 4 == 0 ? ' ' : 'y';
    const std::size_t size = 1 + random() % 7;
    for (const std::string& chunk : by_tokens(text, size)) {
      EXPECT_LE(tokens_of_characters(chunk).size() - 2, size) << text;
    }
  }
}

TEST(MergeWithoutTokens, ATokenIsOfTheChunkInWhichItEnds) {
  const std::vector<ByteSpan> chunks = {{0, 2}, {2, 4}, {4, 6}, {6, 9}};
  const auto merged = [&](const Offsets& offsets) {
    Pace pace;
    const ChunkTokens tokens{.begin = 5, .ends = {7, 10, 13, 17}, .offsets = offsets};
    return merge_without_tokens(chunks, tokens, pace);
  };
  const Offsets each = {{0, 5}, {5, 7}, {8, 10}, {11, 13}, {14, 17}};
  EXPECT_EQ(merged(each), chunks);
  // The prompt's tokens are nobody's, one across chunks is the last one's.
  EXPECT_EQ(merged({{0, 5}, {6, 8}, {8, 13}, {14, 17}}),
            (std::vector<ByteSpan>{{0, 4}, {4, 6}, {6, 9}}));
  EXPECT_EQ(merged({{5, 6}, {6, 7}}), (std::vector<ByteSpan>{{0, 9}}));
  EXPECT_EQ(merged({{0, 5}, {14, 17}}), (std::vector<ByteSpan>{{0, 9}}));
  EXPECT_EQ(merged({}), (std::vector<ByteSpan>{{0, 9}}));
}

// Texts of which a careless splitter looks at the same part again and again.
std::vector<std::string> hostile_pieces() {
  std::vector<std::string> pieces = {"a",    " ",    ".",   "1. ", "\n",     ". ",     "\u200b1. ",
                                     "e.g.", "Dr. ", ".\"", "!\n", "a.\n b", "\u3002", "\r\n "};
  for (const char* blank : {"\ufe0f", "\u3164", "\u2060", "\u00ad", "\u2800", "\u200b"}) {
    pieces.emplace_back(blank);
    pieces.push_back(std::string(blank) + " ");
  }
  return pieces;
}

std::string repeated(const std::string& piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

// A token for each character, spaces too, as a vocabulary with invisible characters gives them.
Offsets tokens_of_all(std::string_view text) {
  Offsets offsets;
  for (std::uint32_t i = 0; i < text.size();) {
    const DecodedCodePoint next = decode_utf8(text.substr(i));
    offsets.emplace_back(i, i + next.length);
    i += next.length;
  }
  return offsets;
}

using Work = std::function<void(const std::string& text, Pace& pace)>;

std::vector<Work> all_work() {
  std::vector<Work> all = {
      [](const std::string& text, Pace& pace) { nestvec::chunk_by_sentences(text, 2, pace); }};
  for (const std::size_t size : {1u, 2u, 7u, 1000u}) {
    all.emplace_back([size](const std::string& text, Pace& pace) {
      nestvec::chunk_by_tokens(text, tokens_of_all(text), size, pace);
    });
    all.emplace_back([size](const std::string& text, Pace& pace) {
      Offsets one_character(text.size(), {0, 1});
      one_character.insert(one_character.begin(), {0, 1});
      nestvec::chunk_by_tokens(text, one_character, size, pace);
    });
  }
  return all;
}

std::uint64_t steps_of(const Work& work, const std::string& text) {
  Pace pace;
  work(text, pace);
  return pace.steps();
}

TEST(Chunks, TakeTwiceTheStepsForTwiceTheText) {
  for (const std::string& piece : hostile_pieces()) {
    for (const std::string& end : {std::string(), repeated(" a", 500)}) {
      for (const Work& work : all_work()) {
        const std::uint64_t once = steps_of(work, repeated(piece, 4000) + end);
        const std::uint64_t twice = steps_of(work, repeated(piece, 8000) + end);
        EXPECT_GE(once, 4000u) << "steps are not counted";
        EXPECT_LE(twice, once * 21 / 10) << piece;
      }
    }
  }
}

TEST(Trim, TakesTwiceTheStepsForTwiceTheText) {
  const Work work = [](const std::string& text, Pace& pace) {
    nestvec::trim(text, {0, text.size()}, pace);
  };
  const std::uint64_t once = steps_of(work, repeated(" \u3000", 4000) + "x" + repeated(" ", 4000));
  const std::uint64_t twice = steps_of(work, repeated(" \u3000", 8000) + "x" + repeated(" ", 8000));
  EXPECT_GT(once, 8000u);
  EXPECT_LE(twice, once * 21 / 10);
}

TEST(Chunks, EndWhenNobodyWaits) {
  struct Gone {};
  for (const Work& work : all_work()) {
    std::size_t looks = 0;
    Pace pace([&looks] {
      if (++looks == 3) throw Gone();
    });
    EXPECT_THROW(work(repeated("\ufe0f", 100000), pace), Gone);
    EXPECT_EQ(looks, 3u);
    EXPECT_LE(pace.steps(), 4 * Pace::kStride);
  }
}

TEST(Trim, TakesWhiteSpaceOfAnyKind) {
  const std::string text = "\n \xe3\x80\x80 a b\xc2\xa0\t";
  EXPECT_EQ(trim(text, {0, text.size()}).of(text), "a b");
  EXPECT_EQ(trim("  ", {0, 2}).of("  "), "");
}

TEST(CodePointCounter, CountsAsPythonDoes) {
  const std::string text = "a\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80z";
  CodePointCounter counter(text);
  EXPECT_EQ(counter.at(0), 0u);
  EXPECT_EQ(counter.at(1), 1u);
  EXPECT_EQ(counter.at(3), 2u);
  EXPECT_EQ(counter.at(6), 3u);
  EXPECT_EQ(counter.at(10), 4u);
  EXPECT_EQ(counter.at(text.size()), 5u);
}

}  // namespace
}  // namespace nestvec
