// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "nestvec/error.h"
#include "tokenizer/model.h"
#include "tokenizer/unicode_data.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kMostIds = 1U << 24;
constexpr char32_t kByteLevelSpace = 0x120;  // what the byte-level alphabet writes for a space

bool is_margin(char32_t c) { return c == kByteLevelSpace || is_whitespace(c); }

}  // namespace

TokenStrings::TokenStrings(const std::vector<VocabularyEntry>& entries) {
  std::size_t bytes = 0;
  std::uint32_t last = 0;
  for (const VocabularyEntry& entry : entries) {
    bytes += entry.text.size();
    last = std::max(last, entry.id);
  }
  if (last >= kMostIds || bytes >= kAbsent) {
    throw Error(ErrorCode::kInvalidArgument,
                "token id " + std::to_string(last) + " is too large, ids end at 16777215");
  }
  bytes_.reserve(bytes);
  if (!entries.empty()) ranges_.resize(last + std::size_t{1}, Range{0, kAbsent});
  for (const VocabularyEntry& entry : entries) {
    ranges_[entry.id] = {static_cast<std::uint32_t>(bytes_.size()),
                         static_cast<std::uint32_t>(entry.text.size())};
    bytes_.append(entry.text);
  }
}

std::optional<std::string_view> TokenStrings::find(std::uint32_t id) const {
  if (id >= ranges_.size() || ranges_[id].length == kAbsent) return std::nullopt;
  return std::string_view(bytes_).substr(ranges_[id].begin, ranges_[id].length);
}

void TokenSink::add_margins(std::string_view string) {
  TokenMargins margins{0, 0};
  for (std::size_t i = 0; i < string.size(); ++margins.leading) {
    if (!is_margin(next_code_point(string, i))) break;
  }
  for (std::size_t end = string.size(); end > 0; ++margins.trailing) {
    const std::size_t start = previous_code_point(string, end);
    std::size_t i = start;
    if (!is_margin(next_code_point(string, i))) break;
    end = start;
  }
  margins_->push_back(margins);
}

}  // namespace nestvec
