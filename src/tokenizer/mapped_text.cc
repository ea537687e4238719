// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/mapped_text.h"

#include <algorithm>
#include <limits>

#include "base/utf8.h"
#include "nestvec/error.h"

namespace nestvec {

void MappedText::assign(const Source& original, bool track, Pace& pace) {
  const auto [text, begin, end] = original;
  tracked = track;
  bytes.assign(text, begin, end - begin);
  origins.clear();
  if (!track) return;
  origins.reserve(end - begin);
  auto start = static_cast<std::uint32_t>(begin);
  for (std::size_t i = begin; i < end; ++i) {
    if (!is_utf8_continuation(text[i])) {
      start = static_cast<std::uint32_t>(i);
      pace.spend();
    }
    origins.push_back(start);
  }
}

void MappedText::clear(bool track) {
  bytes.clear();
  origins.clear();
  tracked = track;
}

void MappedText::append(std::string_view text, std::uint32_t origin) {
  bytes.append(text);
  if (tracked) origins.insert(origins.end(), text.size(), origin);
}

void MappedText::append_from(const MappedText& source, std::size_t begin, std::size_t end,
                             Pace& pace) {
  constexpr std::size_t kBytesAStep = 16;  // they are only copied
  constexpr std::size_t kSlice = Pace::kStride * kBytesAStep;
  const auto first = source.origins.begin();
  while (begin < end) {
    const std::size_t next = std::min(end, begin + kSlice);
    bytes.append(source.bytes, begin, next - begin);
    if (tracked) {
      origins.insert(origins.end(), first + static_cast<std::ptrdiff_t>(begin),
                     first + static_cast<std::ptrdiff_t>(next));
    }
    pace.spend((next - begin) / kBytesAStep);
    begin = next;
  }
}

void check_mapped_size(const MappedText& text) {
  if (text.bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the text grew to " + std::to_string(text.bytes.size()) +
                    " bytes when it was normalized, at most 4294967295 are handled; split it");
  }
}

TextEditor::TextEditor(const MappedText& source, MappedText& target, Pace& pace)
    : source_(source), target_(target), pace_(pace) {
  target_.clear(source.tracked);
}

std::uint32_t TextEditor::origin_at(std::size_t position) const {
  if (source_.origins.empty()) return 0;
  return source_.origins[std::min(position, source_.origins.size() - 1)];
}

void TextEditor::advance(std::size_t characters) {
  const std::size_t size = source_.bytes.size();
  for (; characters > 0 && cursor_ < size; --characters) {
    pace_.spend();
    cursor_ = std::min<std::size_t>(cursor_ + utf8_length(source_.bytes[cursor_]), size);
  }
}

void TextEditor::copy(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  if (target_.tracked && cursor_ != begin) {
    for (std::size_t i = begin; i < end;) {
      const DecodedCodePoint next = decode_utf8(std::string_view(source_.bytes).substr(i));
      put(next.code_point, 0);
      i += next.length;
    }
    return;
  }
  target_.append_from(source_, begin, end, pace_);
  cursor_ = end;
  last_was_inserted_ = false;
  last_length_ = 1;
  while (is_utf8_continuation(source_.bytes[end - last_length_])) ++last_length_;
}

void TextEditor::put(char32_t code_point, std::int32_t change) {
  pace_.spend();
  const std::size_t before = target_.bytes.size();
  append_utf8(code_point, target_.bytes);
  last_length_ = target_.bytes.size() - before;
  if (!target_.tracked) return;
  last_was_inserted_ = change > 0;
  const std::size_t position = change > 0 && cursor_ > 0 ? cursor_ - 1 : cursor_;
  target_.origins.insert(target_.origins.end(), last_length_, origin_at(position));
  if (change <= 0) advance(1 + static_cast<std::size_t>(-change));
}

void TextEditor::remove(std::size_t characters) {
  if (characters == 0 || last_length_ == 0 || !target_.tracked) return;
  if (last_was_inserted_) {
    // The inserted code point becomes one that replaces: change 1 - n is 0 or less.
    std::fill_n(target_.origins.end() - static_cast<std::ptrdiff_t>(last_length_), last_length_,
                origin_at(cursor_));
    last_was_inserted_ = false;
  }
  advance(characters);
}

}  // namespace nestvec
