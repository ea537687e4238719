// SPDX-License-Identifier: Apache-2.0
#include "search/show.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/sentence_marks.h"

namespace nestvec {
namespace {

void append_escaped(std::string_view bytes, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    out += "\\x";
    out += kDigits[value >> 4];
    out += kDigits[value & 15];
  }
}

// The length of the well-formed character at the start of `text`; 0 where there is none.
std::size_t character_length(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  for (std::size_t length = 1; length <= std::min(kLongest, text.size()); ++length) {
    if (is_valid_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

bool starts_character(std::string_view text, std::size_t at) {
  return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

// On one line, with single spaces.
std::string squeezed(std::string_view text) {
  std::string out;
  bool space = false;
  for (std::size_t at = 0; at < text.size();) {
    const DecodedCodePoint next = decode_utf8(text.substr(at));
    if (is_white_space(next.code_point) || is_invisible(next.code_point)) {
      space = true;
    } else {
      if (space && !out.empty()) out += ' ';
      space = false;
      out += text.substr(at, next.length);
    }
    at += next.length;
  }
  return out;
}

}  // namespace

std::string escape_path(std::string_view path) {
  const auto shows = [](char32_t c) {
    return c == U' ' || (!is_white_space(c) && !is_invisible(c));
  };
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t length = character_length(path.substr(at));
    const std::string_view character = path.substr(at, std::max<std::size_t>(length, 1));
    if (character == "\\") {
      out += "\\\\";
    } else if (length > 0 && shows(decode_utf8(character).code_point)) {
      out += character;
    } else {
      append_escaped(character, out);
    }
    at += character.size();
  }
  return out;
}

std::string excerpt_around(std::string_view text, std::span<const WordCount> words,
                           std::size_t bytes, Pace& pace) {
  std::size_t first = text.size();
  for_each_word(text, pace, [&](WordId word, std::size_t at) {
    const bool wanted = std::ranges::any_of(
        words, [word](const WordCount& counted) { return counted.word == word; });
    if (wanted) first = std::min(first, at);
  });
  if (first == text.size()) first = 0;
  // Some of what stands before, from a space on.
  std::size_t begin = 0;
  if (first > bytes / 3) {
    const std::size_t space = text.find_first_of(" \n\t", first - bytes / 3);
    begin = std::min(space, first);
  }
  std::size_t end = std::min(begin + bytes, text.size());
  while (!starts_character(text, begin)) --begin;
  while (!starts_character(text, end)) --end;
  const std::string shown = squeezed(text.substr(begin, end - begin));
  return (begin > 0 ? "... " : "") + shown + (end < text.size() ? " ..." : "");
}

}  // namespace nestvec
