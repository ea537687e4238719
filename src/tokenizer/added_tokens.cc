// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "nestvec/error.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

std::string normalize_content(const std::string& content, const Normalizer* normalizer) {
  if (normalizer == nullptr) return content;
  MappedText text;
  MappedText scratch;
  Pace pace;
  text.assign({content, 0, content.size()}, false, pace);
  normalizer->apply(text, scratch, pace);
  return text.bytes;
}

}  // namespace

// Puts parts behind one another.
class AddedTokens::Cutter {
 public:
  Cutter(std::string_view text, std::vector<TextPart>& parts, Pace& pace)
      : text_(text), parts_(parts), pace_(pace) {}

  void add(Match match) {
    const AddedToken& token = match.entry->token;
    if (token.lstrip) match.begin = covered_ < match.begin ? space_before(match.begin) : covered_;
    if (token.rstrip) match.end = space_after(match.end);
    // Only behind a token that took the whitespace along can a match of whitespace be gone already.
    if (match.begin >= match.end) return;
    if (covered_ < match.begin) parts_.push_back({std::nullopt, covered_, match.begin});
    parts_.push_back({match.entry->id, match.begin, match.end});
    covered_ = match.end;
  }

  void finish() {
    if (covered_ != text_.size()) parts_.push_back({std::nullopt, covered_, text_.size()});
  }

 private:
  // The start of the whitespace that ends at `end`; what is passed over is then covered.
  std::size_t space_before(std::size_t end) {
    while (end > covered_) {
      pace_.spend();
      const std::size_t start = previous_code_point(text_, end);
      std::size_t i = start;
      if (!is_whitespace(next_code_point(text_, i))) break;
      end = start;
    }
    return end;
  }

  // The end of the whitespace from `begin` on. A token of whitespace may ask inside of a run that
  // was passed over already, and for each character of it.
  std::size_t space_after(std::size_t begin) {
    if (space_.begin <= begin && begin <= space_.end) return space_.end;
    space_ = {begin, begin};
    while (space_.end < text_.size()) {
      pace_.spend();
      std::size_t next = space_.end;
      if (!is_whitespace(next_code_point(text_, next))) break;
      space_.end = next;
    }
    return space_.end;
  }

  struct Range {
    std::size_t begin;
    std::size_t end;
  };
  std::string_view text_;
  std::vector<TextPart>& parts_;
  Pace& pace_;
  std::size_t covered_ = 0;  // the end of the part before
  Range space_{1, 0};        // whitespace that was found last; none yet
};

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
                                                    std::size_t from, Pace& pace) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    pace.spend();
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
      pace.spend();
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

void AddedTokens::split(std::string_view text, bool normalized, bool parse_special,
                        std::vector<TextPart>& parts, Pace& pace) const {
  parts.clear();
  const Matcher& tokens = matcher(normalized);
  Cutter cutter(text, parts, pace);
  std::size_t searched = 0;
  while (!tokens.ids.empty()) {
    const std::optional<Match> match = find(tokens, text, searched, pace);
    if (!match) break;
    searched = match->end;
    const AddedToken& token = match->entry->token;
    if (!parse_special && is_special(token.content)) continue;
    if (token.single_word && !stands_alone(text, *match)) continue;
    cutter.add(*match);
  }
  cutter.finish();
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
