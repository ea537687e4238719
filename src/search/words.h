// SPDX-License-Identifier: Apache-2.0
// The words of a text, as search by words compares them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/pace.h"

namespace nestvec {

// A word by its hash: SipHash under a fixed key, so that it is the same in every process.
using WordId = std::uint64_t;

// Calls `take` for each word and the byte at which it begins. A word is a run of letters, digits
// and marks, in lower case and without the accents of U+0300 to U+036F. Scripts without spaces
// (Han, Kana, Thai, Lao, Khmer, Burmese) give each pair of adjacent characters, and a character
// that stands alone. Precondition: `text` is valid UTF-8. Linear; throws what the pace throws.
void for_each_word(std::string_view text, Pace& pace,
                   const std::function<void(WordId word, std::size_t at)>& take);

struct WordCount {
  WordId word = 0;
  std::uint32_t count = 0;
  bool operator==(const WordCount&) const = default;
};

// The distinct words of a text in the order of their ids.
std::vector<WordCount> count_words(std::string_view text, Pace& pace);

}  // namespace nestvec
