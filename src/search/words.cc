// SPDX-License-Identifier: Apache-2.0
#include "search/words.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/keyed_hash.h"
#include "base/utf8.h"
#include "tokenizer/unicode_data.h"

namespace nestvec {
namespace {

// Part of the format of an index: another key makes other ids.
constexpr KeyedHash::Key kWordKey = {0x6E65737476656321, 0x776F726473203031};

struct ScriptRange {
  char32_t first;
  char32_t last;
};

// Scripts that put no spaces between words. Ascending.
constexpr ScriptRange kUnspaced[] = {
    {0x0E00, 0x0EFF},    // Thai, Lao
    {0x1000, 0x109F},    // Burmese
    {0x1780, 0x17FF},    // Khmer
    {0x3005, 0x3007},    // marks of Han
    {0x3041, 0x30FF},    // Kana
    {0x31F0, 0x31FF},    // Kana
    {0x3400, 0x4DBF},    // Han
    {0x4E00, 0x9FFF},    // Han
    {0xF900, 0xFAFF},    // Han
    {0xFF66, 0xFF9F},    // Kana, half-width
    {0x20000, 0x3FFFF},  // Han
};

bool is_unspaced(char32_t c) {
  return std::any_of(std::begin(kUnspaced), std::end(kUnspaced),
                     [c](const ScriptRange& range) { return range.first <= c && c <= range.last; });
}

bool is_word_part(char32_t c) { return c != U'_' && is_word(c); }

bool is_accent(char32_t c) { return c >= 0x0300 && c <= 0x036F; }

// `c` as words are compared, behind what `out` holds.
void append_folded(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c >= U'A' && c <= U'Z' ? c + 32 : c);
    return;
  }
  const CaseMapping lower = to_lowercase(c);
  for (std::uint32_t i = 0; i < lower.length; ++i) {
    const char32_t code_point = lower.code_points[i];
    DecompositionBuffer buffer;
    const std::span<const char32_t> parts = canonical_decomposition(code_point, buffer);
    if (parts.empty()) {
      if (!is_accent(code_point)) append_utf8(code_point, out);
      continue;
    }
    for (const char32_t part : parts) {
      if (!is_accent(part)) append_utf8(part, out);
    }
  }
}

class WordSplitter {
 public:
  explicit WordSplitter(const std::function<void(WordId, std::size_t)>& take) : take_(take) {}

  void add(char32_t c, std::size_t at) {
    if (!is_word_part(c)) {
      end();
    } else if (is_unspaced(c)) {
      if (!unspaced_) end();
      unspaced_ = true;
      add_unspaced(c, at);
    } else {
      if (unspaced_) end();
      if (word_.empty()) begin_ = at;
      append_folded(c, word_);
    }
  }

  void end() {
    if (unspaced_ ? alone_ : !word_.empty()) give(word_, begin_);
    word_.clear();
    unspaced_ = false;
    alone_ = false;
  }

 private:
  // word_ is the character before.
  void add_unspaced(char32_t c, std::size_t at) {
    std::string now;
    append_folded(c, now);
    alone_ = word_.empty();
    if (!alone_) give(word_ + now, begin_);
    word_ = now;
    begin_ = at;
  }

  void give(std::string_view word, std::size_t at) { take_(hash_(word), at); }

  const std::function<void(WordId, std::size_t)>& take_;
  const KeyedHash hash_{kWordKey};
  std::string word_;
  std::size_t begin_ = 0;
  bool unspaced_ = false;
  bool alone_ = false;
};

}  // namespace

void for_each_word(std::string_view text, Pace& pace,
                   const std::function<void(WordId, std::size_t)>& take) {
  WordSplitter splitter(take);
  for (std::size_t at = 0; at < text.size();) {
    const DecodedCodePoint next = decode_utf8(text.substr(at));
    splitter.add(next.code_point, at);
    at += next.length;
    pace.spend();
  }
  splitter.end();
}

std::vector<WordCount> count_words(std::string_view text, Pace& pace) {
  std::vector<WordId> words;
  for_each_word(text, pace, [&words](WordId word, std::size_t) { words.push_back(word); });
  std::sort(words.begin(), words.end());
  std::vector<WordCount> counts;
  for (const WordId word : words) {
    if (counts.empty() || counts.back().word != word) counts.push_back({word, 0});
    ++counts.back().count;
  }
  return counts;
}

}  // namespace nestvec
