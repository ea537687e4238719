// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <simdjson.h>

namespace nestvec {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

// The length of the well-formed sequence at `i`, or of the maximal ill-formed subpart (`valid`
// tells which). Table 3-7 of the Unicode Standard.
std::size_t sequence_length(std::string_view text, std::size_t i, bool& valid) {
  const std::uint8_t lead = byte_at(text, i);
  valid = lead < 0x80;
  if (lead < 0xC2 || lead > 0xF4) return 1;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t k = 1; k < length; ++k) {
    if (i + k >= text.size()) return k;
    const std::uint8_t next = byte_at(text, i + k);
    if (next < low || next > high) return k;
    low = 0x80;
    high = 0xBF;
  }
  valid = true;
  return length;
}

}  // namespace

void append_utf8(char32_t code_point, std::string& out) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

bool is_valid_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string_view repair_utf8(std::string_view text, std::string& storage) {
  if (is_valid_utf8(text)) return text;
  storage.clear();
  for (std::size_t i = 0; i < text.size();) {
    bool valid = false;
    const std::size_t length = sequence_length(text, i, valid);
    if (valid) {
      storage.append(text.substr(i, length));
    } else {
      append_utf8(kReplacementCharacter, storage);
    }
    i += length;
  }
  return storage;
}

}  // namespace nestvec
