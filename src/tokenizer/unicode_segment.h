// SPDX-License-Identifier: Apache-2.0
// Extended grapheme clusters (UAX #29, Unicode 17) as the crate unicode-segmentation 1.13.3 cuts
// them, which Hugging Face's Precompiled normalizer works on.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/pace.h"

namespace nestvec {

// What next_grapheme_boundary does off its fast path.
std::size_t find_grapheme_boundary(std::string_view text, std::size_t position, Pace& pace);

// The end of the grapheme cluster that starts at byte `position`, text.size() at the latest.
// Preconditions: `text` is valid UTF-8, `position` < text.size() and is a cluster's start.
// Linear in the cluster's length, thread-safe; throws what the pace throws.
inline std::size_t next_grapheme_boundary(std::string_view text, std::size_t position, Pace& pace) {
  const auto is_ascii = [text](std::size_t i) {
    return static_cast<unsigned char>(text[i]) < 0x80;
  };
  const std::size_t next = position + 1;
  if (is_ascii(position) && (next == text.size() || is_ascii(next))) {
    const bool crlf = next < text.size() && text[position] == '\r' && text[next] == '\n';
    return crlf ? next + 1 : next;
  }
  return find_grapheme_boundary(text, position, pace);
}

}  // namespace nestvec
