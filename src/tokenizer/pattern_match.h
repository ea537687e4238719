// SPDX-License-Identifier: Apache-2.0
// What a regular expression, a string or a delimiter matched in a text.
#pragma once

#include <cstddef>

namespace nestvec {

// A half-open range of bytes of a text, which a regular expression, a string or a delimiter
// matched.
struct PatternMatch {
  std::size_t begin;
  std::size_t end;
};

}  // namespace nestvec
