// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/token_index.h"

#include <bit>
#include <unordered_map>
#include <utility>

namespace nestvec {
namespace {

// One entry a text, the last one.
std::vector<VocabularyEntry> without_repeats(const std::vector<VocabularyEntry>& entries) {
  std::unordered_map<std::string_view, std::uint32_t> ids;
  ids.reserve(entries.size());
  for (const VocabularyEntry& entry : entries) ids[entry.text] = entry.id;
  if (ids.size() == entries.size()) return entries;
  std::vector<VocabularyEntry> kept;
  for (const VocabularyEntry& entry : entries) {
    if (ids.at(entry.text) == entry.id) kept.push_back(entry);
  }
  return kept;
}

}  // namespace

TokenIndex::TokenIndex(const std::vector<VocabularyEntry>& entries) {
  const std::vector<VocabularyEntry> kept = without_repeats(entries);
  strings_ = TokenStrings(kept);
  size_ = kept.size();
  slots_.assign(std::bit_ceil(kept.size() * 2 + 1), Slot{kFree, 0});
  mask_ = slots_.size() - 1;
  for (const VocabularyEntry& entry : kept) {
    const std::uint64_t hash = hash_token(entry.text);
    std::size_t i = hash & mask_;
    while (slots_[i].id != kFree) i = (i + 1) & mask_;
    slots_[i] = {entry.id, mark_of(hash)};
  }
}

}  // namespace nestvec
