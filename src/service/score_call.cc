// SPDX-License-Identifier: Apache-2.0
#include "service/score_call.h"

#include <algorithm>

namespace nestvec {
namespace {

// What a sequence that waits takes for each token (its id and its segment), and beside them.
constexpr std::size_t kTokenBytes = 8;
constexpr std::size_t kPairBytes = 256;

std::size_t pair_bytes(const ScoreCall::Pair& pair) {
  return pair.first.size() + (pair.second ? pair.second->size() : 0);
}

}  // namespace

std::size_t text_bytes(const ScoreCall& call) {
  std::size_t bytes = call.query.size();
  for (const std::string& document : call.documents) bytes += document.size();
  for (const ScoreCall::Pair& pair : call.pairs) bytes += pair_bytes(pair);
  return bytes;
}

std::size_t text_bytes_at_once(const ScoreCall& call) {
  std::size_t longest = 0;
  for (const std::string& document : call.documents) longest = std::max(longest, document.size());
  for (const ScoreCall::Pair& pair : call.pairs) longest = std::max(longest, pair_bytes(pair));
  return call.query.size() + longest;
}

std::size_t bytes_of_pairs(const ScoreCall& call, const ModelInfo& model) {
  // A token is a byte at least; what the normaliser may add is bounded by the model's own limit.
  const std::size_t tokens = std::min(call.query.size(), model.max_tokens);
  return call.size() * (kPairBytes + tokens * kTokenBytes);
}

}  // namespace nestvec
