// SPDX-License-Identifier: Apache-2.0
// Words: what counts as the same word, and where one ends.
#include "search/words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nestvec {
namespace {

std::vector<WordId> words_of(std::string_view text) {
  Pace pace;
  std::vector<WordId> words;
  for_each_word(text, pace, [&words](WordId word, std::size_t) { words.push_back(word); });
  return words;
}

std::vector<std::size_t> places_of(std::string_view text) {
  Pace pace;
  std::vector<std::size_t> places;
  for_each_word(text, pace, [&places](WordId, std::size_t at) { places.push_back(at); });
  return places;
}

TEST(Words, AreTheSameInAnyCaseAndForm) {
  EXPECT_EQ(words_of("Cat"), words_of("cAT"));
  EXPECT_EQ(words_of("\xC3\x89T\xC3\x89"), words_of("e\xCC\x81te\xCC\x81"));
  EXPECT_EQ(words_of("\xC3\xA9t\xC3\xA9"), words_of("ete"));
  EXPECT_EQ(words_of("\xD0\x9C\xD0\x98\xD0\xA0"),
            words_of("\xD0\xBC\xD0\xB8\xD1\x80"));  // Cyrillic
  EXPECT_NE(words_of("cat"), words_of("cats"));
}

TEST(Words, EndAtWhatIsNoLetterOrDigit) {
  EXPECT_EQ(words_of("max_tokens=12, (a-b)"), words_of("max tokens 12 a b"));
  EXPECT_EQ(places_of("  max_tokens=12"), (std::vector<std::size_t>{2, 6, 13}));
  EXPECT_TRUE(words_of(" ... \xE3\x80\x82 !").empty());
  EXPECT_TRUE(words_of("").empty());
}

TEST(Words, OfScriptsWithoutSpacesArePairs) {
  // Of three characters, the first two and the last two.
  EXPECT_EQ(words_of("\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD"),
            words_of("\xE6\x9D\xB1\xE4\xBA\xAC \xE4\xBA\xAC\xE9\x83\xBD"));
  EXPECT_EQ(places_of("a\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD z"),
            (std::vector<std::size_t>{0, 1, 4, 11}));
  EXPECT_EQ(words_of("\xE6\x9D\xB1").size(), 1U);  // one that stands alone
}

TEST(Words, AreCountedInOrder) {
  Pace pace;
  const std::vector<WordCount> counts = count_words("b a B c b", pace);
  ASSERT_EQ(counts.size(), 3U);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i].count;
    EXPECT_TRUE(i == 0 || counts[i - 1].word < counts[i].word);
    const bool is_b = counts[i].word == words_of("b")[0];
    EXPECT_TRUE(is_b ? counts[i].count == 3 : counts[i].count < 3);
  }
  EXPECT_EQ(sum, 5U);
}

// The ids are written to disk: another hash would be another format.
TEST(Words, HaveTheIdsThatIndexFilesHold) {
  EXPECT_EQ(words_of("cat")[0], 0x078C4F1DDF68895DULL);  // computed by SipHash-2-4 in Python
  EXPECT_EQ(words_of("THE")[0], 0xAE0EA0CE5FD31DF9ULL);
}

}  // namespace
}  // namespace nestvec
