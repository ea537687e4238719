// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/word_merger.h"

#include <algorithm>
#include <array>
#include <functional>

namespace nestvec {

void WordMerger::merge(const MergeTable& merges, std::vector<Symbol>& symbols, Pace& pace) {
  if (symbols.size() <= kShortWord) {
    merge_short(merges, symbols);
  } else {
    merge_long(merges, symbols, pace);
  }
}

void WordMerger::merge_short(const MergeTable& merges, std::vector<Symbol>& symbols) {
  std::array<MergeTable::Merge, kShortWord> pairs;  // of each symbol and the next one
  std::size_t count = symbols.size();
  Symbol* const symbol = symbols.data();
  for (std::size_t i = 0; i + 1 < count; ++i) {
    pairs[i] = merges.find(symbol[i].id, symbol[i + 1].id);
  }
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == MergeTable::kNoRank) break;
    symbol[best] = {pairs[best].id, symbol[best].length + symbol[best + 1].length};
    --count;
    for (std::size_t i = best + 1; i < count; ++i) {
      symbol[i] = symbol[i + 1];
      pairs[i - 1] = pairs[i];
    }
    if (best + 1 < count) pairs[best] = merges.find(symbol[best].id, symbol[best + 1].id);
    if (best > 0) pairs[best - 1] = merges.find(symbol[best - 1].id, symbol[best].id);
  }
  symbols.resize(count);
}

void WordMerger::push(const MergeTable& merges, const std::vector<Symbol>& symbols,
                      std::uint32_t left, std::uint32_t right) {
  const MergeTable::Merge merge = merges.find(symbols[left].id, symbols[right].id);
  if (merge.rank == MergeTable::kNoRank) return;
  heap_.push_back(static_cast<Entry>(merge.rank) << 32 | left);
}

// The symbol at `left` swallows its neighbour.
void WordMerger::join(std::vector<Symbol>& symbols, std::uint32_t left, std::uint32_t id) {
  const std::uint32_t right = next_[left];
  symbols[left] = {id, symbols[left].length + symbols[right].length};
  symbols[right].length = 0;
  next_[left] = next_[right];
  if (next_[left] < symbols.size()) previous_[next_[left]] = left;
}

void WordMerger::merge_long(const MergeTable& merges, std::vector<Symbol>& symbols, Pace& pace) {
  const auto count = static_cast<std::uint32_t>(symbols.size());
  heap_.clear();
  next_.resize(count);
  previous_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    pace.spend();
    next_[i] = i + 1;
    previous_[i] = i == 0 ? count : i - 1;
    if (i + 1 < count) push(merges, symbols, i, i + 1);
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  const auto add = [&](std::uint32_t left, std::uint32_t right) {
    const std::size_t before = heap_.size();
    push(merges, symbols, left, right);
    if (heap_.size() > before) std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  };
  while (!heap_.empty()) {
    pace.spend();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto left = static_cast<std::uint32_t>(heap_.back());
    const auto rank = static_cast<std::uint32_t>(heap_.back() >> 32);
    heap_.pop_back();
    if (symbols[left].length == 0 || next_[left] == count) continue;
    const MergeTable::Merge merge = merges.find(symbols[left].id, symbols[next_[left]].id);
    if (merge.rank != rank) continue;  // one of the two has merged with another one since
    join(symbols, left, merge.id);
    if (previous_[left] < count) add(previous_[left], left);
    if (next_[left] < count) add(left, next_[left]);
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.length == 0; });
}

}  // namespace nestvec
