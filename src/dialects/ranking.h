// SPDX-License-Identifier: Apache-2.0
// What the answers with scores of all dialects have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "nestvec/model.h"

namespace nestvec {

// Which of two equal scores comes first.
enum class Ties {
  kFirst,  // the one that the request has first
  kLast,   // the other, as in text-embeddings-inference
};

// The places of scores, best first. Throws Error kInternal for one that is not finite.
std::vector<std::size_t> ranking_of(std::span<const float> scores, Ties ties);

// One score is a sigmoid of the model's output, several are what the model's files say; raw outputs
// where they are asked for.
ScoreActivation usual_activation(bool raw_scores, const ModelInfo& model);

// "usage" of what a call took, and "truncated" with the indices of what was cut, where something
// was.
void append_score_usage(const Embeddings& took, JsonObject& body);

// For "created": now, in seconds since 1970.
std::int64_t unix_seconds();

// Bytes of a text as a JSON string.
std::size_t json_size(std::string_view text);
std::size_t json_size(std::span<const std::string> texts);

}  // namespace nestvec
