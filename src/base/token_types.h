// SPDX-License-Identifier: Apache-2.0
// Which row of a model's table of token types each token of a text has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace nestvec {

// Of one text as the post-processor frames it: the tokens before it, its own, those behind it.
struct TokenTypes {
  std::vector<std::uint32_t> prefix;
  std::uint32_t text = 0;
  std::vector<std::uint32_t> suffix;

  std::uint32_t largest() const {
    std::uint32_t most = text;
    for (const std::uint32_t type : prefix) most = std::max(most, type);
    for (const std::uint32_t type : suffix) most = std::max(most, type);
    return most;
  }
  // Whether any token has another type than 0.
  bool any() const { return largest() > 0; }
  // The type of token `index` of `count`, special tokens included.
  std::uint32_t at(std::size_t index, std::size_t count) const {
    if (index < prefix.size()) return prefix[index];
    const std::size_t left = count - index;
    return left <= suffix.size() ? suffix[suffix.size() - left] : text;
  }

  friend bool operator==(const TokenTypes&, const TokenTypes&) = default;
};

}  // namespace nestvec
