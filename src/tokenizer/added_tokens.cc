// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <cstring>

#include "nestvec/error.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

std::string normalize_content(const std::string& content, const Normalizer* normalizer) {
  if (normalizer == nullptr) return content;
  MappedText text;
  MappedText scratch;
  text.assign(content, 0, content.size(), false);
  normalizer->apply(text, scratch);
  return text.bytes;
}

// The start of the whitespace that ends at `end`, `from` at the earliest.
std::size_t skip_space_back(std::string_view text, std::size_t from, std::size_t end) {
  while (end > from) {
    const std::size_t start = previous_code_point(text, end);
    std::size_t i = start;
    if (!is_whitespace(next_code_point(text, i))) break;
    end = start;
  }
  return end;
}

std::size_t skip_space(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    std::size_t next = begin;
    if (!is_whitespace(next_code_point(text, next))) break;
    begin = next;
  }
  return begin;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, const TokenModel& model,
                         const Normalizer* normalizer) {
  auto next_id = static_cast<std::uint32_t>(model.vocabulary_size());
  for (const AddedToken& token : tokens) {
    if (!token.content.empty()) add(token, model, normalizer, next_id);
  }
  build_matcher(false, plain_);
  build_matcher(true, normalized_);
}

void AddedTokens::add(const AddedToken& token, const TokenModel& model,
                      const Normalizer* normalizer, std::uint32_t& next_id) {
  std::optional<std::uint32_t> id = token_to_id(token.content);
  if (!id) {
    id = model.token_to_id(token.content);
    if (!id) {
      id = next_id++;
      ++beyond_model_;
    }
  }
  Entry entry{token, *id, token.content};
  if (token.normalized) entry.pattern = normalize_content(token.content, normalizer);
  if (entry.pattern.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the added token \"" + token.content + "\" is empty after the normalizer");
  }
  ids_[token.content] = *id;
  if (token.special) special_.insert(token.content);
  const auto [place, fresh] = by_id_.try_emplace(*id, entries_.size());
  if (fresh) {
    entries_.push_back(std::move(entry));
  } else {
    entries_[place->second] = std::move(entry);
  }
}

void AddedTokens::build_matcher(bool normalized, Matcher& target) {
  std::vector<DoubleArray::Key> keys;
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.token.normalized != normalized) continue;
    if (!seen.insert(entry.pattern).second) {
      throw Error(ErrorCode::kInvalidArgument,
                  "two added tokens look for \"" + entry.pattern + "\"");
    }
    keys.push_back({entry.pattern, static_cast<std::uint32_t>(i)});
    target.ids.push_back(entry.id);
    const auto first = static_cast<std::uint8_t>(entry.pattern.front());
    if (!target.starts[first]) target.first_bytes.push_back(entry.pattern.front());
    target.starts[first] = true;
  }
  target.trie = DoubleArray(keys);
}

// The leftmost match at or after `from`, of several there the longest.
std::optional<AddedTokens::Match> AddedTokens::find(const Matcher& matcher, std::string_view text,
                                                    std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (matcher.first_bytes.size() == 1) {
      begin = text.find(matcher.first_bytes.front(), begin);
      if (begin == std::string_view::npos) break;
    } else if (!matcher.starts[static_cast<std::uint8_t>(text[begin])]) {
      continue;
    }
    std::uint32_t longest = DoubleArray::kNoValue;
    std::size_t end = begin;
    DoubleArray::Node node = matcher.trie.root();
    for (std::size_t i = begin; i < text.size() && matcher.trie.step(node, text[i]);) {
      ++i;
      if (DoubleArray::value(node) == DoubleArray::kNoValue) continue;
      longest = DoubleArray::value(node);
      end = i;
    }
    if (longest != DoubleArray::kNoValue) return Match{begin, end, &entries_[longest]};
  }
  return std::nullopt;
}

bool AddedTokens::stands_alone(std::string_view text, const Match& match) const {
  if (match.begin > 0) {
    std::size_t before = previous_code_point(text, match.begin);
    if (is_word(next_code_point(text, before))) return false;
  }
  if (match.end == text.size()) return true;
  std::size_t after = match.end;
  return !is_word(next_code_point(text, after));
}

// `covered`: the end of the part before.
void AddedTokens::add_part(std::string_view text, Match match, std::size_t& covered,
                           std::vector<TextPart>& parts) const {
  if (match.entry->token.lstrip) {
    match.begin = covered < match.begin ? skip_space_back(text, covered, match.begin) : covered;
  }
  if (match.entry->token.rstrip) match.end = skip_space(text, match.end);
  // Only behind a token that took the whitespace along can a match of whitespace be gone already.
  if (match.begin >= match.end) return;
  if (covered < match.begin) parts.push_back({std::nullopt, covered, match.begin});
  parts.push_back({match.entry->id, match.begin, match.end});
  covered = match.end;
}

void AddedTokens::split(std::string_view text, bool normalized, bool parse_special,
                        std::vector<TextPart>& parts) const {
  parts.clear();
  const Matcher& tokens = matcher(normalized);
  std::size_t covered = 0;
  std::size_t searched = 0;
  while (!tokens.ids.empty()) {
    const std::optional<Match> match = find(tokens, text, searched);
    if (!match) break;
    searched = match->end;
    const AddedToken& token = match->entry->token;
    if (!parse_special && is_special(token.content)) continue;
    if (token.single_word && !stands_alone(text, *match)) continue;
    add_part(text, *match, covered, parts);
  }
  if (covered != text.size()) parts.push_back({std::nullopt, covered, text.size()});
}

std::optional<std::uint32_t> AddedTokens::token_to_id(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string_view> AddedTokens::id_to_token(std::uint32_t id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return entries_[found->second].pattern;
}

bool AddedTokens::is_special(std::string_view content) const {
  return special_.contains(std::string(content));
}

}  // namespace nestvec
