// SPDX-License-Identifier: Apache-2.0
// The tokens of words that a thread has met.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/word_merger.h"

namespace nestvec {

// A table of fixed size, 1 MiB once it is used, where a word takes the place of another one with
// the same hash. Models that take turns on a thread share it. Not thread-safe.
class WordCache {
 public:
  static constexpr std::size_t kLongestWord = 50;  // bytes
  static constexpr std::size_t kMostTokens = 14;

  struct Entry {
    std::uint32_t owner = 0;  // the model's number; 0 for none
    std::uint8_t word_length = 0;
    std::uint8_t count = 0;
    std::array<std::uint8_t, kMostTokens> lengths;  // bytes of each token
    std::array<char, kLongestWord> word;
    std::array<std::uint32_t, kMostTokens> ids;
  };
  static_assert(sizeof(Entry) == 128);

  // Null where the word is not there. `hash` is the word's.
  const Entry* find(std::uint32_t owner, std::string_view word, std::uint64_t hash) const noexcept {
    if (entries_.empty()) return nullptr;
    const Entry& entry = entries_[hash % kEntries];
    const bool found = entry.owner == owner && entry.word_length == word.size() &&
                       std::memcmp(entry.word.data(), word.data(), word.size()) == 0;
    return found ? &entry : nullptr;
  }

  // Keeps the tokens of a word of 1 to kLongestWord bytes, unless there are too many of them.
  void put(std::uint32_t owner, std::string_view word, std::uint64_t hash,
           std::span<const Symbol> tokens) {
    if (tokens.size() > kMostTokens) return;
    if (entries_.empty()) entries_.resize(kEntries);
    Entry& entry = entries_[hash % kEntries];
    entry.owner = owner;
    entry.word_length = static_cast<std::uint8_t>(word.size());
    entry.count = static_cast<std::uint8_t>(tokens.size());
    std::memcpy(entry.word.data(), word.data(), word.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      entry.ids[i] = tokens[i].id;
      entry.lengths[i] = static_cast<std::uint8_t>(tokens[i].length);
    }
  }

 private:
  static constexpr std::size_t kEntries = 8192;
  std::vector<Entry> entries_;
};

}  // namespace nestvec
