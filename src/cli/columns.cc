// SPDX-License-Identifier: Apache-2.0
#include "cli/columns.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace nestvec {
namespace {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

constexpr std::array<CodePointRange, 18> kInvisible = {{
    {0x0300, 0x036F},  // combining diacritical marks
    {0x0483, 0x0489},
    {0x0591, 0x05BD},
    {0x0610, 0x061A},
    {0x064B, 0x065F},
    {0x06D6, 0x06DC},
    {0x093C, 0x093C},
    {0x0941, 0x0948},
    {0x094D, 0x094D},
    {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A},
    {0x0E47, 0x0E4E},
    {0x1AB0, 0x1AFF},
    {0x200B, 0x200F},
    {0x20D0, 0x20FF},
    {0xFE00, 0xFE0F},  // variation selectors
    {0xFE20, 0xFE2F},
    {0xE0100, 0xE01EF},
}};

constexpr std::array<CodePointRange, 12> kWide = {{
    {0x1100, 0x115F},  // Hangul Jamo
    {0x2E80, 0x303E},
    {0x3041, 0xA4CF},  // kana, CJK ideographs, Yi
    {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},  // full-width forms
    {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F},  // emoji
    {0x1F900, 0x1F9FF},
    {0x20000, 0x3FFFD},
}};

template <std::size_t kCount>
bool contains(const std::array<CodePointRange, kCount>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const CodePointRange& range) {
    return c >= range.first && c <= range.last;
  });
}

}  // namespace

std::size_t columns_of(char32_t code_point) {
  if (contains(kInvisible, code_point)) return 0;
  return contains(kWide, code_point) ? 2 : 1;
}

std::string fit(std::string_view text, std::size_t columns) {
  constexpr std::size_t kEllipsis = 3;
  std::string storage;
  text = repair_utf8(text, storage);
  std::string out;
  std::size_t used = 0;
  std::size_t cut_bytes = 0;  // what of `out` leaves room for the ellipsis
  std::size_t cut_columns = 0;
  while (!text.empty()) {
    const DecodedCodePoint decoded = decode_utf8(text);
    const bool control =
        decoded.code_point < 0x20 || (decoded.code_point >= 0x7F && decoded.code_point < 0xA0);
    const std::size_t width = control ? 1 : columns_of(decoded.code_point);
    if (used + width > columns) {
      out.resize(cut_bytes);
      return out.append(kEllipsis, '.').append(columns - cut_columns - kEllipsis, ' ');
    }
    out.append(control ? std::string_view(" ") : text.substr(0, decoded.length));
    used += width;
    if (used + kEllipsis <= columns) {
      cut_bytes = out.size();
      cut_columns = used;
    }
    text.remove_prefix(decoded.length);
  }
  return out.append(columns - used, ' ');
}

}  // namespace nestvec
