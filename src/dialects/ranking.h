// SPDX-License-Identifier: Apache-2.0
// What the answers with scores of all dialects have in common.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

// Which of two equal scores comes first.
enum class Ties {
  kFirst,  // the one that the request has first
  kLast,   // the other, as in text-embeddings-inference
};

// The places of scores, best first. Throws Error kInternal for one that is not finite.
std::vector<std::size_t> ranking_of(std::span<const float> scores, Ties ties);

// Bytes of a text as a JSON string.
std::size_t json_size(std::string_view text);
std::size_t json_size(std::span<const std::string> texts);

}  // namespace nestvec
