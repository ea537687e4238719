// SPDX-License-Identifier: Apache-2.0
// Extended grapheme clusters (UAX #29) as the crate unicode-segmentation 1.13.3 cuts them, which
// Hugging Face's Precompiled normalizer works on.
#pragma once

#include <cstddef>
#include <string_view>

namespace nestvec {

// The end of the grapheme cluster that starts at byte `position`, text.size() at the latest.
// Preconditions: `text` is valid UTF-8, `position` < text.size() and is a cluster's start.
// Linear in the cluster's length, thread-safe.
std::size_t next_grapheme_boundary(std::string_view text, std::size_t position) noexcept;

}  // namespace nestvec
