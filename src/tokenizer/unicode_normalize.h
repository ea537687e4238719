// SPDX-License-Identifier: Apache-2.0
// Unicode normalization (UAX #15) with the trace that keeps offsets: every output code point comes
// with the change that Hugging Face's NormalizedString::transform is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/pace.h"

namespace nestvec {

enum class NormalizationForm : std::uint8_t { kNfc, kNfd, kNfkc, kNfkd };

// One output code point and how it relates to the input, read in order: 0 = takes the place of the
// next input code point, 1 = inserted (no input consumed), -n = takes the place of the next one and
// n more that follow it are gone.
struct NormalizedCodePoint {
  char32_t code_point;
  std::int32_t change;
  friend bool operator==(const NormalizedCodePoint&, const NormalizedCodePoint&) = default;
};

// Replaces `out` (whose memory is reused) with the normal form of `text`. Equal, changes included,
// to the crate unicode-normalization-alignments 0.1.12. Linear in the text's length; throws what
// the pace throws. Thread-safe.
void normalize(NormalizationForm form, std::span<const char32_t> text,
               std::vector<NormalizedCodePoint>& out, Pace& pace);

// Bytes at the start of valid UTF-8 `text` that normalization leaves as they are (every change 0),
// whatever follows; text.size() where the whole text is certainly normal. It may stop early, always
// on a boundary from which normalize() gives the same result as on the whole text. Cheap: one
// table look-up a code point.
std::size_t normalized_prefix(NormalizationForm form, std::string_view text, Pace& pace);

}  // namespace nestvec
