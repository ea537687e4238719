// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding of one word (Sennrich et al., "Neural Machine Translation of Rare Words with
// Subword Units", 2016): of all neighbours that merge, those of the lowest rank do, the leftmost
// first, again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/pace.h"
#include "tokenizer/merge_table.h"

namespace nestvec {

// A part of a word that is one token so far.
struct Symbol {
  std::uint32_t id;
  std::uint32_t length;  // bytes
};

// Memory to merge in, reused from word to word. Not thread-safe.
class WordMerger {
 public:
  // Merges `symbols` until no neighbours do. A short word is looked through for each merge; a long
  // one keeps its pairs in a heap, n log n. Throws what the pace throws.
  void merge(const MergeTable& merges, std::vector<Symbol>& symbols, Pace& pace);

 private:
  static constexpr std::size_t kShortWord = 24;
  // The last bits of a heap's entry say where, the first ones which rank.
  using Entry = std::uint64_t;

  static void merge_short(const MergeTable& merges, std::vector<Symbol>& symbols);
  void merge_long(const MergeTable& merges, std::vector<Symbol>& symbols, Pace& pace);
  void push(const MergeTable& merges, const std::vector<Symbol>& symbols, std::uint32_t left,
            std::uint32_t right);
  void join(std::vector<Symbol>& symbols, std::uint32_t left, std::uint32_t id);

  std::vector<Entry> heap_;          // the smallest first
  std::vector<std::uint32_t> next_;  // neighbours that are left, by place; the size for none
  std::vector<std::uint32_t> previous_;
};

}  // namespace nestvec
