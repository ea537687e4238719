// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/charsmap.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/utf8.h"
#include "nestvec/error.h"
#include "tokenizer/unicode_segment.h"
#include "tokenizer/unicode_tables.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::size_t kLongestCluster = 5;  // bytes; longer ones go code point by code point

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = (value << 8) | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// Fields of a trie unit, as the format packs them.
bool has_leaf(std::uint32_t unit) { return ((unit >> 8) & 1) != 0; }
std::uint32_t leaf_value(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FF; }
std::size_t offset(std::uint32_t unit) {
  return std::size_t{unit >> 10} << ((unit & (1U << 9)) >> 6);
}

GraphemeClass grapheme_class(char32_t c) {
  return static_cast<GraphemeClass>(unicode_record(c).grapheme & kGraphemeClassMask);
}

// Alone a cluster unless something that joins follows.
bool stands_alone(GraphemeClass c) {
  return c == GraphemeClass::kAny || c == GraphemeClass::kLv || c == GraphemeClass::kLvt ||
         c == GraphemeClass::kExtendedPictographic;
}

// Can continue a cluster that consists of one code point that stands alone.
bool joins_previous(GraphemeClass c) {
  return c == GraphemeClass::kExtend || c == GraphemeClass::kZwj ||
         c == GraphemeClass::kSpacingMark || c == GraphemeClass::kV || c == GraphemeClass::kT;
}

// Puts `now` where `before` stood, as the reference counts its changes: of more code points the
// last ones are inserted, of fewer the last one takes the rest along.
void put_replacement(std::string_view before, std::string_view now, TextEditor& editor) {
  const std::size_t old_count = count_code_points(before);
  const std::size_t new_count = count_code_points(now);
  std::size_t index = 0;
  for (std::size_t i = 0; i < now.size(); ++index) {
    const char32_t c = next_code_point(now, i);
    editor.put(c, index < old_count ? 0 : 1);
  }
  if (new_count < old_count) editor.remove(old_count - new_count);
}

}  // namespace

Charsmap::Charsmap(std::string_view blob) {
  const auto broken = [](std::string_view why) {
    return Error(ErrorCode::kInvalidArgument, "precompiled_charsmap " + std::string(why));
  };
  if (blob.size() < 4) throw broken("is shorter than its header");
  const std::size_t trie_bytes = read_u32(blob, 0) / 4 * std::size_t{4};
  if (trie_bytes > blob.size() - 4) throw broken("is cut short");
  if (trie_bytes == 0) throw broken("has an empty trie");
  trie_.reserve(trie_bytes / 4);
  for (std::size_t i = 0; i < trie_bytes; i += 4) trie_.push_back(read_u32(blob, 4 + i));
  replacements_ = blob.substr(4 + trie_bytes);
  if (!is_valid_utf8(replacements_)) throw broken("holds replacements that are not UTF-8");
  classify_code_points();
}

std::optional<std::string_view> Charsmap::find(std::string_view chunk) const noexcept {
  std::size_t node = offset(trie_[0]);
  for (const char byte : chunk) {
    const auto c = static_cast<std::uint8_t>(byte);
    if (c == 0) return std::nullopt;
    node ^= c;
    if (node >= trie_.size()) return std::nullopt;
    const std::uint32_t unit = trie_[node];
    if (label(unit) != c) return std::nullopt;
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= trie_.size()) return std::nullopt;
    const std::size_t begin = leaf_value(trie_[node]);
    // Only a broken map points behind the replacements or into a character.
    if (begin >= replacements_.size()) return std::nullopt;
    if (is_utf8_continuation(replacements_[begin])) return std::nullopt;
    const std::size_t end = replacements_.find('\0', begin);
    return std::string_view(replacements_).substr(begin, end - begin);
  }
  return std::nullopt;
}

// Whether any key starts with `prefix` or is a prefix of it.
bool Charsmap::may_match(std::string_view prefix) const noexcept {
  std::size_t node = offset(trie_[0]);
  for (const char byte : prefix) {
    const auto c = static_cast<std::uint8_t>(byte);
    node ^= c;
    if (c == 0 || node >= trie_.size() || label(trie_[node]) != c) return false;
    if (has_leaf(trie_[node])) return true;
    node ^= offset(trie_[node]);
  }
  return true;
}

void Charsmap::classify_code_points() {
  constexpr std::size_t kSize = std::size_t{1} << kBlockBits;
  constexpr char32_t kSameLead =
      64;  // code points that differ in the last byte of their UTF-8 alone
  std::map<std::string, std::uint32_t> known;
  std::string block(kSize, '\0');
  std::string utf8;
  bool look = true;
  for (char32_t c = 0; c <= kMaxCodePoint; ++c) {
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    if (c >= 0x80 && c % kSameLead == 0 && !surrogate) {
      utf8.clear();
      append_utf8(c, utf8);
      look = may_match(std::string_view(utf8).substr(0, utf8.size() - 1));
    }
    const GraphemeClass grapheme = grapheme_class(c);
    std::uint8_t bits = joins_previous(grapheme) ? kJoinsPrevious : 0;
    if (look && !surrogate) {
      utf8.clear();
      append_utf8(c, utf8);
    }
    const bool changes = surrogate || (look && find(utf8));
    if (stands_alone(grapheme) && !changes) bits |= kPlain;
    block[c % kSize] = static_cast<char>(bits);
    if (c % kSize != kSize - 1) continue;
    const auto [place, fresh] =
        known.try_emplace(block, static_cast<std::uint32_t>(traits_.size() >> kBlockBits));
    if (fresh) traits_.insert(traits_.end(), block.begin(), block.end());
    blocks_.push_back(place->second);
  }
}

// The end of the longest run from `begin` of code points that are clusters of their own and stay as
// they are.
std::size_t Charsmap::plain_run(std::string_view text, std::size_t begin, Pace& pace) const {
  std::size_t last = begin;
  for (std::size_t i = begin; i < text.size();) {
    pace.spend();
    const std::size_t start = i;
    const std::uint8_t bits = traits(next_code_point(text, i));
    if ((bits & kPlain) == 0) return (bits & kJoinsPrevious) != 0 ? last : start;
    last = start;
  }
  return text.size();
}

void Charsmap::apply_to_cluster(std::string_view text, std::size_t begin, std::size_t end,
                                TextEditor& editor) const {
  const std::string_view cluster = text.substr(begin, end - begin);
  if (cluster.size() <= kLongestCluster) {
    if (const auto replacement = find(cluster)) {
      put_replacement(cluster, *replacement, editor);
      return;
    }
  }
  for (std::size_t i = begin; i < end;) {
    const std::size_t start = i;
    next_code_point(text, i);
    const std::string_view part = text.substr(start, i - start);
    if (const auto replacement = find(part)) {
      put_replacement(part, *replacement, editor);
    } else {
      editor.copy(start, i);
    }
  }
}

void Charsmap::apply(MappedText& text, MappedText& scratch, Pace& pace) const {
  const std::string_view bytes = text.bytes;
  std::size_t i = plain_run(bytes, 0, pace);
  if (i == bytes.size()) return;
  TextEditor editor(text, scratch, pace);
  editor.copy(0, i);
  while (i < bytes.size()) {
    const std::size_t end = next_grapheme_boundary(bytes, i, pace);
    apply_to_cluster(bytes, i, end, editor);
    i = plain_run(bytes, end, pace);
    editor.copy(end, i);
    check_mapped_size(scratch);  // a map may make much of little
  }
  std::swap(text, scratch);
  check_mapped_size(text);
}

}  // namespace nestvec
