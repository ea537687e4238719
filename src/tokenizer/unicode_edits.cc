// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unicode_edits.h"

#include <utility>
#include <vector>

#include "tokenizer/unicode_data.h"
#include "tokenizer/unicode_normalize.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

// The next ASCII byte after `position`: nothing before it composes or reorders with it or what
// follows, so that normalization can start afresh there.
std::size_t next_ascii(std::string_view text, std::size_t position, Pace& pace) {
  const std::size_t begin = position++;
  while (position < text.size() && static_cast<std::uint8_t>(text[position]) >= 0x80) ++position;
  pace.spend(position - begin);
  return position;
}

}  // namespace

void apply_normalization_form(NormalizationForm form, MappedText& text, MappedText& scratch,
                              Pace& pace) {
  const std::string_view bytes = text.bytes;
  std::size_t i = normalized_prefix(form, bytes, pace);
  if (i == bytes.size()) return;
  TextEditor editor(text, scratch, pace);
  editor.copy(0, i);
  std::vector<char32_t> region;
  std::vector<NormalizedCodePoint> normal;
  while (i < bytes.size()) {
    const std::size_t end = next_ascii(bytes, i, pace);
    region.clear();
    for (; i < end; pace.spend()) region.push_back(next_code_point(bytes, i));
    normalize(form, region, normal, pace);
    for (const NormalizedCodePoint& c : normal) editor.put(c.code_point, c.change);
    i = end + normalized_prefix(form, bytes.substr(end), pace);
    editor.copy(end, i);
  }
  std::swap(text, scratch);
  check_mapped_size(text);
}

void apply_lowercase(MappedText& text, MappedText& scratch, Pace& pace) {
  const std::string_view bytes = text.bytes;
  TextEditor editor(text, scratch, pace);
  std::size_t copied = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    pace.spend();
    const std::size_t start = i;
    const char32_t c = next_code_point(bytes, i);
    const CaseMapping lower = to_lowercase(c);
    if (lower.length == 1 && lower.code_points[0] == c) continue;
    editor.copy(copied, start);
    for (std::uint32_t k = 0; k < lower.length; ++k) {
      editor.put(lower.code_points[k], k == 0 ? 0 : 1);
    }
    copied = i;
  }
  if (copied == 0) return;
  editor.copy(copied, bytes.size());
  std::swap(text, scratch);
  check_mapped_size(text);
}

void remove_code_points(MappedText& text, MappedText& scratch, CodePointProperty property,
                        Pace& pace) {
  const std::string_view bytes = text.bytes;
  scratch.clear(text.tracked);
  std::size_t copied = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    pace.spend();
    const std::size_t start = i;
    if (!property(next_code_point(bytes, i))) continue;
    scratch.append_from(text, copied, start, pace);
    copied = i;
  }
  if (copied == 0) return;
  scratch.append_from(text, copied, bytes.size(), pace);
  std::swap(text, scratch);
}

}  // namespace nestvec
